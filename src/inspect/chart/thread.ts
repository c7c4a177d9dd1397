import Elk from 'elkjs/lib/elk.bundled.js'
import type { ElkNode } from 'elkjs/lib/elk-api.js'

const elk = new Elk.default()

/** The graph with the places of all that is in it. */
export default (graph: ElkNode): Promise<ElkNode> => elk.layout(graph)

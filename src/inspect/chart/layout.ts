import { extname } from 'node:path'
import type { ElkEdgeSection, ElkNode } from 'elkjs/lib/elk-api.js'
import { oneThread } from '../../one-thread.ts'
import type { State } from './outline.ts'
import { boxOf, type Card, headOf, leading } from './sizes.ts'

export interface Place {
  x: number
  y: number
  width: number
  height: number
}

export interface Layout {
  width: number
  height: number
  /** by the name of the state; the machine itself is the empty one */
  boxes: Map<string, Place>
  /** by the name of the edge; the initial ones have the state's name with a dot before it */
  ways: Map<string, { points: { x: number; y: number }[]; card: Place | null }>
}

const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.randomSeed': '1',
  'elk.json.shapeCoords': 'ROOT',
  'elk.json.edgeCoords': 'ROOT',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
  'elk.layered.cycleBreaking.strategy': 'MODEL_ORDER',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.nodePlacement.favorStraightEdges': 'true',
  'elk.spacing.nodeNode': '28',
  'elk.spacing.edgeNode': '20',
  'elk.spacing.edgeEdge': '16',
  'elk.layered.spacing.nodeNodeBetweenLayers': '26',
  'elk.layered.spacing.edgeNodeBetweenLayers': '18',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '14',
}
const LABEL = { 'elk.edgeLabels.placement': 'CENTER', 'elk.edgeLabels.inline': 'true' }
const DOT = 12
const FILE = new URL(`./thread${extname(import.meta.url)}`, import.meta.url).href

/** In a thread of its own for as long as it takes: elkjs would hold up the one it is loaded in for half a second. */
export async function layoutOf(machine: State): Promise<Layout> {
  const pool = oneThread(FILE)
  try {
    return placed(await pool.run(graphOf(machine)))
  } finally {
    await pool.destroy()
  }
}

function graphOf(machine: State): ElkNode {
  const cards = cardsOf(machine).map(card => ({
    id: `edge ${card.edge.name}`,
    sources: [`state ${card.edge.from}`],
    targets: [`state ${card.edge.to}`],
    labels: [{ text: card.edge.event, width: card.width, height: card.height, layoutOptions: LABEL }],
  }))
  const initial = initialOf(machine).map(({ name }) => ({
    id: `edge .${name}`,
    sources: [`dot ${name}`],
    targets: [`state ${name}`],
  }))
  const { layoutOptions, ...drawn } = nodeOf(machine)
  return { ...drawn, layoutOptions: { ...OPTIONS, ...layoutOptions }, edges: [...initial, ...cards] }
}

const cardsOf = (state: State): Card[] => [...leading(state), ...state.states.flatMap(cardsOf)]
const initialOf = (state: State): State[] => [...(state.isInitial ? [state] : []), ...state.states.flatMap(initialOf)]

function nodeOf(state: State): ElkNode {
  const { rows, width, height } = boxOf(state)
  const id = `state ${state.name}`
  if (state.states.length === 0) return { id, width, height }
  const top = headOf(0) + rows.reduce((sum, row) => sum + row.height, rows.length > 0 ? 12 : 0)
  const layoutOptions = {
    'elk.padding': `[top=${top + 12},left=20,bottom=20,right=20]`,
    'elk.nodeSize.constraints': 'MINIMUM_SIZE',
    'elk.nodeSize.minimum': `(${width},${height})`,
  }
  const children = state.states.flatMap(child => [
    ...(child.isInitial ? [{ id: `dot ${child.name}`, width: DOT, height: DOT }] : []),
    nodeOf(child),
  ])
  return { id, layoutOptions, children }
}

function placed(graph: ElkNode): Layout {
  const boxes = new Map<string, Place>()
  const visit = (node: ElkNode): void => {
    if (node.id.startsWith('state ')) boxes.set(node.id.slice('state '.length), placeOf(node))
    for (const child of node.children ?? []) visit(child)
  }
  visit(graph)
  const ways = (graph.edges ?? []).map(
    ({ id, sections, labels }): [string, { points: Point[]; card: Place | null }] => [
      id.slice('edge '.length),
      { points: (sections ?? []).flatMap(pointsOf), card: labels?.[0] ? placeOf(labels[0]) : null },
    ],
  )
  return { width: Math.ceil(graph.width!), height: Math.ceil(graph.height!), boxes, ways: new Map(ways) }
}

type Point = { x: number; y: number }

const placeOf = ({ x = 0, y = 0, width = 0, height = 0 }: Partial<Place>): Place => ({ x, y, width, height })
const pointsOf = ({ startPoint, bendPoints = [], endPoint }: ElkEdgeSection): Point[] => [
  startPoint,
  ...bendPoints,
  endPoint,
]

import { readFileSync } from 'node:fs'
import { thousands } from './measure.ts'

/**
 * Where the time of threads goes, of which `node --cpu-prof` wrote profiles: `node bench/where.ts FILE …`, in shares of
 * what each was busy once its modules were loaded. A sample counts for the innermost room of ours that it is in, garbage
 * for itself.
 */

interface Frame {
  id: number
  callFrame: { functionName: string; url: string }
  children?: number[]
}

interface Profile {
  nodes: Frame[]
  samples: number[]
  timeDeltas: number[]
}

/** Each with the files that it is made of, or the function; the first one counts. */
const GROUPS: readonly [name: string, pattern: RegExp][] = [
  ['garbage', /^\(garbage collector\)$/],
  ['documents', /\/src\/documents\//],
  ['packing', /\/src\/(checkpoint\/run|lmdb\/sealed)\.ts$/],
  ['checkpoint', /\/src\/(checkpoint|lmdb)\//],
  ['log', /\/src\/log\//],
  ['preparing', /\/src\/partition\/(prepare|hearers)\.ts$/],
  ['pulses', /\/(src\/partition\/(hearing|pulses)|machines\/pulse)\.ts$|\/src\/audience\//],
  ['transitions', /\/(machines|actors)\/|\/src\/partition\/(applier|transitions|changes|names)\.ts$/],
  ['partition', /\/src\/(partition|shard)\//],
  ['way in', /\/src\/(bridge|nats)\//],
  ['sockets and loop', /^node:|\/node_modules\//],
]
const OTHERS = 'others'
const LOADING = /^node:internal\/(modules|bootstrap)\//

/** Null: modules are loaded, or nothing is done. */
function groupOf(frame: Frame, parents: ReadonlyMap<number, Frame>): string | null {
  if (frame.callFrame.functionName === '(idle)') return null
  for (let at: Frame | undefined = frame; at; at = parents.get(at.id)) if (LOADING.test(at.callFrame.url)) return null
  let outside: string | undefined
  for (let at: Frame | undefined = frame; at; at = parents.get(at.id)) {
    const { functionName, url } = at.callFrame
    const group = GROUPS.find(([, pattern]) => pattern.test(url === '' ? functionName : url))?.[0]
    if (group === GROUPS.at(-1)![0]) outside ??= group
    else if (group !== undefined) return group
  }
  return outside ?? OTHERS
}

for (const file of process.argv.slice(2)) {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as Profile
  const parents = new Map(nodes.flatMap(node => (node.children ?? []).map(child => [child, node] as const)))
  const groups = new Map(nodes.map(node => [node.id, groupOf(node, parents)]))
  const took = new Map<string, number>()
  let busy = 0
  for (const [i, sample] of samples.entries()) {
    const group = groups.get(sample)
    if (group == null) continue
    took.set(group, (took.get(group) ?? 0) + timeDeltas[i]!)
    busy += timeDeltas[i]!
  }
  console.log(`${file}: ${thousands(busy / 1_000)} ms`)
  for (const [group, time] of [...took].sort(([, a], [, b]) => b - a))
    console.log(`${((100 * time) / busy).toFixed(1).padStart(6)} % ${group}`)
}

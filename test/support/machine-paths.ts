import {
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  getNextSnapshot,
} from 'xstate'
import { getShortestPaths } from 'xstate/graph'

/** A machine's events as a small set, which a path goes through by their names. */
export interface Graph {
  machine: AnyStateMachine
  /** Events by a name; null: it cannot come here. */
  moves: Readonly<Record<string, (snapshot: AnyMachineSnapshot, key: string) => AnyEventObject | null>>
  /** All that tells two snapshots apart, of which there have to be few. */
  facts(snapshot: AnyMachineSnapshot): unknown
}

/** An event of a path, and the machine before and behind it. */
export interface Step {
  event: AnyEventObject
  before: AnyMachineSnapshot
  after: AnyMachineSnapshot
}

/** Events looked at in all: a graph with more has facts that do not bound it. */
const MOST_TRAVERSED = 1_000

const named = (state: string, way: { eventType: string; description?: string | undefined }): string =>
  `${state}, ${way.eventType || 'always'}: ${way.description}`

/** All ways out of the states that the machine draws, also those that are the same in each state. */
export function edgesOf(machine: AnyStateMachine): string[] {
  const everywhere = [...machine.root.transitions.values()].flat()
  return Object.entries(machine.states).flatMap(([state, node]) => {
    const ways = [...everywhere, ...[...node.transitions.values()].flat(), ...(node.always ?? [])]
    return ways.map(way => named(state, way))
  })
}

/** Those a step goes along: the one its event has, and what always follows where it leads. */
function edgesAlong(machine: AnyStateMachine, { event, before, after }: Step): string[] {
  const [way] = machine.getTransitionData(before, event)
  if (!way) return []
  const reached = way.target?.[0]?.key ?? before.value
  const always = machine.states[reached]!.always?.find(({ target }) => target?.[0]?.key === after.value)
  return [named(before.value, way), ...(always && after.value !== reached ? [named(reached, always)] : [])]
}

/** The path of an actor with this key. */
export function pathOf({ machine, moves }: Graph, names: readonly string[], key: string): Step[] {
  let before: AnyMachineSnapshot = createActor(machine).getSnapshot()
  return names.map(move => {
    const event = moves[move]!(before, key)
    if (!event) throw new Error(`${move} cannot come behind ${names.join(', ')}`)
    const step = { event, before, after: getNextSnapshot(machine, before, event) }
    before = step.after
    return step
  })
}

export const edgesOn = (graph: Graph, names: readonly string[]): string[] =>
  pathOf(graph, names, 'any').flatMap(step => edgesAlong(graph.machine, step))

/**
 * Paths that together go along each edge and reach all facts that the moves lead to: of those that do so first the
 * shortest, so that an edge is the last of its path, or the last but one where it may not end there.
 */
export function pathsThrough(graph: Graph, mayEnd: (end: AnyMachineSnapshot) => boolean): string[][] {
  const known = new Set<string>()
  const shortest = shortestPaths(graph).flatMap(names => followed(graph, names))
  const ends = (names: string[]): boolean => mayEnd(pathOf(graph, names, 'any').at(-1)!.after)
  const whole = (names: string[]): string[][] => (ends(names) ? [names] : followed(graph, names).filter(ends))
  return shortest.flatMap(whole).filter(names => {
    const { after } = pathOf(graph, names, 'any').at(-1)!
    const before = known.size
    for (const each of [...edgesOn(graph, names), JSON.stringify(graph.facts(after))]) known.add(each)
    return known.size > before
  })
}

/** The path with each event that may follow. */
function followed(graph: Graph, names: string[]): string[][] {
  const end = pathOf(graph, names, 'any').at(-1)?.after ?? createActor(graph.machine).getSnapshot()
  return movesFrom(graph, end).map(({ move }) => [...names, move])
}

const movesFrom = ({ moves }: Graph, snapshot: AnyMachineSnapshot): (AnyEventObject & { move: string })[] =>
  Object.entries(moves).flatMap(([move, make]) => {
    const event = make(snapshot, 'any')
    return event ? [{ ...event, move }] : []
  })

/** The shortest path to each snapshot with facts of its own. */
function shortestPaths(graph: Graph): string[][] {
  const paths = getShortestPaths(graph.machine, {
    events: snapshot => movesFrom(graph, snapshot),
    serializeState: snapshot => JSON.stringify(graph.facts(snapshot)),
    serializeEvent: event => event.move,
    limit: MOST_TRAVERSED,
  })
  return paths
    .map(({ steps }) => steps.flatMap(({ event }) => (event.move ? [String(event.move)] : [])))
    .sort((a, b) => a.length - b.length)
}

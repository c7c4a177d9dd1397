import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'

interface MachineEvent {
  type: string
}

/** XState's state nodes, as much of them as names edges. */
interface Node {
  path: readonly string[]
  transitions: ReadonlyMap<string, readonly unknown[]>
  always?: readonly Pick<Definition, 'target'>[]
}

/** A transition as XState has it, of a state of the machine, or of the machine itself. */
interface Definition {
  source: Node
  target?: readonly Node[]
  eventType: string
}

/** The name of a state, or of several that hold at once: `live`, `a.b`, `a.b,c.d`; a machine without states has ``. */
export function stateName(value: unknown): string {
  if (typeof value === 'string') return value
  return Object.entries(value as object)
    .map(([name, below]) => [name, stateName(below)].filter(part => part !== '').join('.'))
    .join(',')
}

/**
 * The name of the edge an event takes, `<state>|<event type>|<n>`; null if it takes none. Guards are asked once more,
 * which changes nothing, since they are functions of context and event.
 */
export function edgeOf(machine: AnyStateMachine, snapshot: AnyMachineSnapshot, event: MachineEvent): string | null {
  const [taken] = machine.getTransitionData(snapshot, event as never) as unknown as Definition[]
  return taken ? nameOf(taken) : null
}

/** The edge of an event, and behind it that without an event, `<state>||<n>`, which led on from there to the next value. */
export function edgesOf(
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
  event: MachineEvent,
  next: { value: unknown },
): string[] {
  const [taken] = machine.getTransitionData(snapshot, event as never) as unknown as Definition[]
  if (!taken) return []
  const { source, target } = taken
  const staying = source.path.length > 0 ? source : machine.root.states[stateName(snapshot.value)]
  const led = target?.[0] ?? (staying as unknown as Node | undefined)
  const n = led?.always?.findIndex(each => each.target?.[0] && pathOf(each.target[0]) === stateName(next.value)) ?? -1
  const isLeft = led !== undefined && n >= 0 && pathOf(led) !== stateName(next.value)
  return isLeft ? [nameOf(taken), `${pathOf(led)}||${n}`] : [nameOf(taken)]
}

const pathOf = ({ path }: Node): string => path.join('.')

function nameOf(taken: Definition): string {
  const { source, eventType } = taken
  return `${pathOf(source)}|${eventType}|${source.transitions.get(eventType)?.indexOf(taken) ?? 0}`
}

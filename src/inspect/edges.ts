import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'

interface MachineEvent {
  type: string
}

/** A transition as XState has it, of a state of the machine, or of the machine itself. */
interface Definition {
  source: { path: readonly string[]; transitions: ReadonlyMap<string, readonly unknown[]> }
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

function nameOf(taken: Definition): string {
  const { source, eventType } = taken
  return `${source.path.join('.')}|${eventType}|${source.transitions.get(eventType)?.indexOf(taken) ?? 0}`
}

import { type AnyStateMachine, transition } from 'xstate'
import { feed, streamerSession, viewer, visitor } from '../../machines/index.ts'
import { edgeOf } from './edges.ts'

/** A fork: what would have followed if other events had come. It runs in the page, and touches no actor. */

interface MachineEvent {
  type: string
  [fact: string]: unknown
}

/** An actor as of before the first event. */
interface Before {
  value: unknown
  context: object
}

/** A step that was never taken. */
export interface Forked {
  event: MachineEvent
  edge: string | null
  value: unknown
  snapshot: Before
  said: MachineEvent[]
  /** why the machine does not take the event, which changes nothing then; no step comes after it */
  error?: string
}

const MACHINES: Record<string, AnyStateMachine> = { feed, 'streamer-session': streamerSession, viewer, visitor }

/** The steps of these events, by the machine that the actors of the kind run. */
export function fork(kind: string, { value, context }: Before, events: readonly MachineEvent[]): Forked[] {
  const machine = MACHINES[kind]
  if (!machine) throw new Error(`There are no actors of a kind ${kind}.`)
  let snapshot = machine.resolveState({ value: value as string, context })
  const steps: Forked[] = []
  for (const event of events) {
    try {
      const edge = edgeOf(machine, snapshot, event)
      const [next, actions] = transition(machine, snapshot, event as never)
      if (next.status === 'error') throw next.error
      snapshot = next
      steps.push({ event, edge, ...shown(next), said: actions.flatMap(saidBy) })
    } catch (error) {
      steps.push({ event, edge: null, ...shown(snapshot), said: [], error: (error as Error).message })
      break
    }
  }
  return steps
}

const shown = ({ value, context }: Before) => ({ value, snapshot: { value, context } })

const saidBy = ({ type, params }: { type: string; params: unknown }): MachineEvent[] =>
  type === 'xstate.emit' ? [(params as { event: MachineEvent }).event] : []

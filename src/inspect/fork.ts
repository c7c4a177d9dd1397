import { transition } from 'xstate'
import type { ActorKind } from '../../actors/index.ts'
import { KINDS } from '../../actors/kinds.ts'
import { edgesOf } from './edges.ts'

/** A fork: what would have followed if other events had come. It runs in the page, and touches no actor. */

interface MachineEvent {
  type: string
  [fact: string]: unknown
}

/** An actor as of before the first event, with its parts. */
interface Before {
  value: unknown
  context: object
}

/** A step that was never taken. */
export interface Forked {
  event: MachineEvent
  edge: string | null
  always?: string
  value: unknown
  /** without parts, as actors are shown */
  snapshot: { value: unknown; context: object }
  said: MachineEvent[]
  /** why the machine does not take the event, which changes nothing then; no step comes after it */
  error?: string
}

/** The steps of these events, by the machine that the actors of the kind run. */
export function fork(name: string, { value, context }: Before, events: readonly MachineEvent[]): Forked[] {
  const kind = KINDS.find(({ kind }) => kind === name)
  if (!kind) throw new Error(`There are no actors of a kind ${name}.`)
  const { machine } = kind
  let snapshot = machine.resolveState({ value: value as string, context })
  const steps: Forked[] = []
  for (const event of events) {
    try {
      const [next, actions] = transition(machine, snapshot, event as never)
      if (next.status === 'error') throw next.error
      const [edge = null, always] = edgesOf(machine, snapshot, event, next)
      snapshot = next
      steps.push({ event, edge, ...(always && { always }), ...shown(kind, next), said: actions.flatMap(saidBy) })
    } catch (error) {
      steps.push({ event, edge: null, ...shown(kind, snapshot), said: [], error: (error as Error).message })
      break
    }
  }
  return steps
}

function shown({ machine, head }: ActorKind, { value, context }: Before): Pick<Forked, 'value' | 'snapshot'> {
  const whole = { ...(machine.config.context as object), ...(head(context) as object) }
  return { value, snapshot: { value, context: whole } }
}

const saidBy = ({ type, params }: { type: string; params: unknown }): MachineEvent[] =>
  type === 'xstate.emit' ? [(params as { event: MachineEvent }).event] : []

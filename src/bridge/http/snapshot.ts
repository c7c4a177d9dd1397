import { z } from 'zod'
import { KINDS } from '../../../actors/kinds.ts'

/** Actors as they are answered: each by its kind and its key. */

export const kind = z.enum(KINDS.map(({ kind }) => kind))

export const actorParams = { kind }

/** The states of the kinds' machines, in which their actors are. */
const statesOf = (kinds: readonly string[]): string[] =>
  KINDS.flatMap(({ kind, machine }) => (kinds.includes(kind) ? Object.keys(machine.states) : []))

/** A state of any of the kinds. */
export const stateOf = (kinds: readonly string[]) => z.enum([...new Set(statesOf(kinds))])

interface OfState {
  kind?: string | undefined
  state?: string | undefined
}

/** True if the kind, where one is asked for, has the state that is. */
export const hasState = ({ kind, state }: OfState): boolean =>
  kind === undefined || state === undefined || statesOf([kind]).includes(state)

export const NO_STATE_OF_KIND = {
  ...{ path: ['state'], error: 'is no state of this kind', params: { code: 'not_of_kind' } },
}

const ID = new RegExp(`^(${KINDS.map(({ kind }) => kind).join('|')})/.`, 's')

/** An actor as it is named in queries and answers. */
export const actorName = z
  .string()
  .regex(ID, { error: `must be <kind>/<key>, of the kinds ${KINDS.map(({ kind }) => kind).join(', ')}` })

/** As XState persists it. */
export const snapshot = z
  .looseObject({ status: z.string(), value: z.unknown(), context: z.looseObject({}) })
  .meta({ id: 'Snapshot' })

export const frame = z
  .object({
    n: z.number().int().describe('Counts the frames of a watch.'),
    ...{ seq: z.number().int(), at: z.number().int(), event: z.looseObject({ type: z.string() }) },
    edge: z.string().nullable().describe('null: it led nowhere.'),
    always: z.string().optional().describe('The edge without an event that led on.'),
    ...{ value: z.unknown(), snapshot: snapshot.nullable(), isCut: z.literal(true).optional() },
    ...{ said: z.array(z.looseObject({ type: z.string() })), effects: z.array(z.string()) },
    pulse: z.literal(true).optional().describe('It was no transition.'),
  })
  .meta({ id: 'Frame', description: 'An event of an actor, and where it led.' })

import { z } from 'zod'
import { KINDS } from '../../../actors/kinds.ts'

/** Actors as they are answered: each by its kind and its key. */

export const kind = z.enum(KINDS.map(({ kind }) => kind))

export const actorParams = { kind }

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

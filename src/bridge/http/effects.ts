import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { splitId } from '../../../actors/index.ts'
import { withId } from '../../documents/answered.ts'
import { newestFirst, type Waiting } from '../../effects/outbox.ts'
import type { EffectQuery } from '../../shard/index.ts'
import type { Bridge } from '../index.ts'
import { parseOne } from '../inputs.ts'
import { decisionRoutes } from './intake.ts'
import { NUMBERED, page, paged, pageOf, placeIn, USUAL } from './pages.ts'
import { of } from './reference/route.ts'
import { actorName } from './snapshot.ts'

const MOST = 1_000
const STATES = ['waiting', 'parked', 'done', 'sent', 'recorded', 'expired', 'dropped'] as const

const query = z.object({ actor: actorName.optional(), state: z.enum(STATES).optional(), ...page(USUAL, NUMBERED) })

export const effect = z
  .object({
    ...{ id: z.string(), kind: z.string(), actor: z.string().describe('`<kind>/<key>`') },
    seq: z.number().int().describe('The entry of the log that it stems from.'),
    index: z.number().int().describe("Which of the actor's effects in it."),
    ...{ at: z.number().int(), payload: z.looseObject({}), state: z.enum(STATES) },
    ...{ attempts: z.number().int().optional(), error: z.string().optional(), code: z.string().optional() },
    ...{ partition: z.number().int().optional(), doneAt: z.number().int().optional() },
    detail: z.looseObject({}).optional(),
    traceparent: z.string().optional().describe('The trace that it is in.'),
  })
  .meta({ id: 'Effect', description: 'An effect, and what became of it.' })

const list = of('operator', {
  ...{ group: 'Operating', does: 'Effects and what became of them, the newest first.' },
  more: 'Of those no longer held the newest 200 of each kind and partition are kept.',
  ...{ query, answers: { 200: pageOf({ effects: z.array(effect) }) }, needs: ['owner', 'documents'] },
})

interface WithId {
  Params: { id: string }
}

/** Effects and what became of them, newest first, no more than asked for. */
export async function effectsOf(
  { documents, directory }: Bridge,
  { actor, state, before }: EffectQuery,
  limit: number,
): Promise<Waiting[]> {
  const held = await directory.owner.effects({ actor, state, before }, limit)
  const filter = {
    ...(actor !== undefined && { actor }),
    ...(state !== undefined && { state }),
    ...(before && { $or: [{ at: { $lt: before.at } }, { at: before.at, _id: { $lt: before.id } }] }),
  }
  const settled = await documents.find('effects', { filter, sort: { at: -1, _id: -1 }, limit })
  // An effect that has its document may still be in the outbox, until the commit that takes it out.
  const known = settled.map(({ lane: _, ...account }) => withId(account)) as unknown as Waiting[]
  const byId = new Map([...known, ...held].map(effect => [effect.id, effect]))
  return [...byId.values()].sort(newestFirst).slice(0, limit)
}

/** Effects: those that wait or are parked are in the outboxes, all others are documents. */
export function effectRoutes(app: FastifyInstance, bridge: Bridge): void {
  const { directory, time } = bridge
  app.get('/effects', list, async request => {
    const { actor, state, after, limit } = parseOne(query, request.query, time.now())
    const before = after === undefined ? undefined : placeIn(after)
    const found = await effectsOf(bridge, { actor, state, before }, limit + 1)
    const { items, next } = paged(found, limit, ({ at, id }) => `${at}-${id}`)
    return { effects: items, next }
  })

  const says = { retry: 'Tries a parked effect again.', drop: 'Gives a parked effect up.' }
  decisionRoutes<WithId['Params']>(app, bridge, 'effect', '/effects/:id', says, async ({ id }) => {
    const actor = id.replace(/:\d+:\d+$/, '')
    // A partition, and so an actor, has no more parked than that.
    const parked = await directory.owner.effects({ actor, state: 'parked' }, MOST)
    return parked.some(effect => effect.id === id) ? { key: splitId(actor).key, id, effect: id } : null
  })
}

import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { splitId } from '../../../actors/index.ts'
import { withId } from '../../documents/answered.ts'
import { newestFirst, type Waiting } from '../../effects/outbox.ts'
import type { EffectQuery } from '../../shard/index.ts'
import { OF_OPERATOR } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { parseOne } from '../inputs.ts'
import { decisionRoutes } from './intake.ts'
import { page, paged, placeIn, USUAL } from './pages.ts'

const MOST = 1_000
const STATES = ['waiting', 'parked', 'done', 'sent', 'recorded', 'expired', 'dropped'] as const

const query = z.object({ actor: z.string().optional(), state: z.enum(STATES).optional(), ...page(USUAL) })

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
  app.get('/effects', OF_OPERATOR, async request => {
    const { actor, state, after, limit } = parseOne(query, request.query, time.now())
    const before = after === undefined ? undefined : placeIn(after)
    const found = await effectsOf(bridge, { actor, state, before }, limit + 1)
    const { items, next } = paged(found, limit, ({ at, id }) => `${at}-${id}`)
    return { effects: items, next }
  })

  decisionRoutes<WithId['Params']>(app, bridge, 'effect', '/effects/:id', async ({ id }) => {
    const actor = id.replace(/:\d+:\d+$/, '')
    // A partition, and so an actor, has no more parked than that.
    const parked = await directory.owner.effects({ actor, state: 'parked' }, MOST)
    return parked.some(effect => effect.id === id) ? { key: splitId(actor).key, id, effect: id } : null
  })
}

import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { splitId } from '../../../actors/index.ts'
import { withId } from '../../documents/answered.ts'
import type { Waiting } from '../../effects/outbox.ts'
import { OF_OPERATOR } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { parseOne } from '../inputs.ts'
import { decisionRoutes } from './intake.ts'

const MOST = 1_000
const STATES = ['waiting', 'parked', 'done', 'sent', 'recorded', 'expired', 'dropped'] as const

const query = z.object({ actor: z.string().optional(), state: z.enum(STATES).optional() })

interface WithId {
  Params: { id: string }
}

/** Effects: those that wait or are parked are in the outboxes, all others are documents. */
export function effectRoutes(app: FastifyInstance, bridge: Bridge): void {
  const { documents, directory, time } = bridge
  app.get('/effects', OF_OPERATOR, async request => {
    const { actor, state } = parseOne(query, request.query, time.now())
    const held = await directory.owner.effects({ actor, state }, MOST)
    const filter = { ...(actor !== undefined && { actor }), ...(state !== undefined && { state }) }
    const settled = await documents.find('effects', { filter, sort: { at: -1, _id: -1 }, limit: MOST })
    // An effect that has its document may still be in the outbox, until the commit that takes it out.
    const known = settled.map(({ lane: _, ...account }) => withId(account)) as unknown as Waiting[]
    const byId = new Map([...known, ...held].map(effect => [effect.id, effect]))
    const effects = [...byId.values()].sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1))
    return { effects: effects.slice(0, MOST) }
  })

  decisionRoutes<WithId['Params']>(app, bridge, 'effect', '/effects/:id', async ({ id }) => {
    const actor = id.replace(/:\d+:\d+$/, '')
    // A partition, and so an actor, has no more parked than that.
    const parked = await directory.owner.effects({ actor, state: 'parked' }, MOST)
    return parked.some(effect => effect.id === id) ? { key: splitId(actor).key, id, effect: id } : null
  })
}

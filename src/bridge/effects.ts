import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { splitId } from '../../actors/index.ts'
import { RollcallError } from '../errors.ts'
import type { Waiting } from '../shard/outbox.ts'
import type { Bridge } from './index.ts'
import { parseOne } from './inputs.ts'
import { withId } from './shown.ts'

const MOST = 1_000
const STATES = ['waiting', 'parked', 'done', 'sent', 'recorded', 'expired', 'dropped'] as const

const query = z.object({ actor: z.string().optional(), state: z.enum(STATES).optional() })

interface WithId {
  Params: { id: string }
}

/** What actors asked of the world: what waits and what is parked is in the outboxes, the rest was written down. */
export function effectRoutes(app: FastifyInstance, { documents, shards, append, now }: Bridge): void {
  const held = async (): Promise<Waiting[]> =>
    (await Promise.all(shards.all.map(shard => shard.call(remote => remote.effects())))).flat()

  app.get('/effects', async request => {
    const { actor, state } = parseOne(query, request.query, now())
    const isAsked = (effect: { actor: string; state: string }): boolean =>
      (actor ?? effect.actor) === effect.actor && (state ?? effect.state) === effect.state
    const waiting = await held()
    const ids = new Set(waiting.map(({ id }) => id))
    const filter = { ...(actor !== undefined && { actor }), ...(state !== undefined && { state }) }
    const settled = await documents.find('effects', { filter, sort: { at: -1, _id: -1 }, limit: MOST })
    const known = settled.filter(({ _id }) => !ids.has(_id)).map(withId) as unknown as Waiting[]
    const effects = [...waiting.filter(isAsked), ...known].sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1))
    return { effects: effects.slice(0, MOST) }
  })

  for (const verb of ['retry', 'drop']) {
    app.post<WithId>(`/effects/:id/${verb}`, async ({ params: { id } }, reply) => {
      const parked = (await held()).find(effect => effect.id === id && effect.state === 'parked')
      if (!parked) throw new RollcallError('RC_NOT_FOUND')
      const { key } = splitId(parked.actor)
      const at = now()
      const event = { kind: `effect.${verb}`, key, id, at, arrival: at, effect: id }
      const positions = await append([event])
      reply.code(202).header('rollcall-position', positions.toString())
      return { accepted: 1 }
    })
  }
}

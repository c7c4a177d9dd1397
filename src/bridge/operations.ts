import type { FastifyInstance } from 'fastify'
import { actorId } from '../../actors/index.ts'
import { RollcallError } from '../errors.ts'
import { partitionOf } from '../log/partition-of.ts'
import { asyncApi } from './asyncapi.ts'
import { OF_ANYONE, OF_OPERATOR } from './callers.ts'
import type { Bridge } from './index.ts'

const READY_MS = 1_000

interface OfActor {
  Params: { kind: string; key: string }
}

/** What whoever runs Rollcall looks at: one actor, what is parked, whether it lives and is ready. */
export function operationRoutes(app: FastifyInstance, { append, shards, config, now }: Bridge): void {
  app.get<OfActor>('/actors/:kind/:key', OF_OPERATOR, async ({ params: { kind, key } }) => {
    const partition = partitionOf(key, config.partitions)
    const view = await shards.of(partition).call(remote => remote.actor(partition, kind, key))
    if (!view.snapshot) throw new RollcallError('RC_NOT_FOUND')
    return { ...view, shard: shards.numberOf(partition) }
  })

  app.get('/parked', OF_OPERATOR, async () => {
    const lists = await Promise.all(shards.all.map(shard => shard.call(remote => remote.parked())))
    return { parked: lists.flat() }
  })
  for (const verb of ['retry', 'drop']) {
    app.post<OfActor>(`/parked/:kind/:key/${verb}`, OF_OPERATOR, async ({ params: { kind, key } }, reply) => {
      const partition = partitionOf(key, config.partitions)
      const parked = await shards.of(partition).call(remote => remote.parked())
      if (!parked.some(({ actor }) => actor === actorId(kind, key))) throw new RollcallError('RC_NOT_FOUND')
      const at = now()
      const event = { kind: `parked.${verb}`, key, id: '', at, arrival: at, actor: actorId(kind, key) }
      const positions = await append([event])
      reply.code(202).header('rollcall-position', positions.toString())
      return { accepted: 1 }
    })
  }

  app.get('/asyncapi.json', OF_ANYONE, async () => asyncApi())

  app.get('/livez', OF_ANYONE, async () => ({ live: true }))

  app.get('/readyz', OF_ANYONE, async (_request, reply) => {
    const states = await Promise.all(
      shards.all.map(async shard => {
        try {
          const states = await shard.call(remote => remote.status(), READY_MS)
          return states.map(({ partition, stopped }) => ({ partition, stopped }))
        } catch (error) {
          const { code, message } = error as RollcallError
          return shard.partitions.map(partition => ({ partition, stopped: { code, message } }))
        }
      }),
    )
    const stopped = states.flat().filter(({ stopped }) => stopped !== null)
    reply.code(stopped.length === 0 ? 200 : 503)
    return { ready: stopped.length === 0, partitions: config.partitions, stopped }
  })
}

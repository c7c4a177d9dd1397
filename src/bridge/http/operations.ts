import type { FastifyInstance } from 'fastify'
import { actorId } from '../../../actors/index.ts'
import { RollcallError } from '../../errors.ts'
import { partitionOf } from '../../log/partition-of.ts'
import { OF_ANYONE, OF_ANYONE_UNLIMITED, OF_OPERATOR } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { asyncApi } from '../nats/asyncapi.ts'

interface OfActor {
  Params: { kind: string; key: string }
}

/** What whoever runs Rollcall looks at: one actor, what is parked, whether it lives and is ready. */
export function operationRoutes(app: FastifyInstance, { append, partitions, settings, now }: Bridge): void {
  app.get<OfActor>('/actors/:kind/:key', OF_OPERATOR, async ({ params: { kind, key } }) => {
    const partition = partitionOf(key, settings.partitions)
    const view = await partitions.owner.actor(partition, kind, key)
    if (!view.snapshot) throw new RollcallError('RC_NOT_FOUND')
    return view
  })

  app.get('/parked', OF_OPERATOR, async () => ({ parked: await partitions.owner.parked() }))
  for (const verb of ['retry', 'drop']) {
    app.post<OfActor>(`/parked/:kind/:key/${verb}`, OF_OPERATOR, async ({ params: { kind, key } }, reply) => {
      const partition = partitionOf(key, settings.partitions)
      const parked = await partitions.owner.parked(partition)
      if (!parked.some(({ actor }) => actor === actorId(kind, key))) throw new RollcallError('RC_NOT_FOUND')
      const at = now()
      const event = { kind: `parked.${verb}`, key, id: '', at, arrival: at, actor: actorId(kind, key) }
      const positions = await append([event])
      reply.code(202).header('rollcall-position', positions.toString())
      return { accepted: 1 }
    })
  }

  app.get('/asyncapi.json', OF_ANYONE, async () => asyncApi())

  app.get('/livez', OF_ANYONE_UNLIMITED, async () => ({ live: true }))

  app.get('/readyz', OF_ANYONE_UNLIMITED, async (_request, reply) => {
    const states = await partitions.states()
    const stopped = states.flatMap(({ partition, stopped }) => (stopped ? [{ partition, stopped }] : []))
    reply.code(stopped.length === 0 ? 200 : 503)
    return { ready: stopped.length === 0, partitions: settings.partitions, stopped }
  })
}

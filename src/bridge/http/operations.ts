import type { FastifyInstance } from 'fastify'
import { actorId } from '../../../actors/index.ts'
import { RollcallError } from '../../errors.ts'
import { partitionOf } from '../../log/partition-of.ts'
import { OF_ANYONE, OF_OPERATOR, OF_PROBE } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { asyncApi } from '../nats/asyncapi.ts'
import { decisionRoutes } from './intake.ts'

interface OfActor {
  Params: { kind: string; key: string }
}

/** Routes of operators: one actor, all that is parked, whether the process lives and is ready. */
export function operationRoutes(app: FastifyInstance, bridge: Bridge): void {
  const { directory, settings } = bridge
  app.get<OfActor>('/actors/:kind/:key', OF_OPERATOR, async ({ params: { kind, key } }) => {
    const partition = partitionOf(key, settings.partitions)
    const view = await directory.owner.actor(partition, kind, key)
    if (!view.snapshot) throw new RollcallError('RC_NOT_FOUND')
    return view
  })

  app.get('/parked', OF_OPERATOR, async () => ({ parked: await directory.owner.parked() }))
  decisionRoutes<OfActor['Params']>(app, bridge, 'parked', '/parked/:kind/:key', async ({ kind, key }) => {
    const actor = actorId(kind, key)
    const parked = await directory.owner.parked(partitionOf(key, settings.partitions))
    return parked.some(each => each.actor === actor) ? { key, id: '', actor } : null
  })

  app.get('/asyncapi.json', OF_ANYONE, async () => asyncApi())

  app.get('/livez', OF_PROBE, async () => ({ live: true }))

  app.get('/readyz', OF_PROBE, async (_request, reply) => {
    const states = await directory.states()
    const stopped = states.flatMap(({ partition, stopped }) => (stopped ? [{ partition, stopped }] : []))
    reply.code(stopped.length === 0 ? 200 : 503)
    return { ready: stopped.length === 0, partitions: settings.partitions, stopped }
  })
}

import type { FastifyInstance } from 'fastify'
import { actorId } from '../../../actors/index.ts'
import { ERRORS, type ErrorCode, RollcallError } from '../../errors.ts'
import { partitionOf } from '../../log/partition-of.ts'
import { OF_ANYONE, OF_ANYONE_UNLIMITED, OF_OPERATOR } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { asyncApi } from '../nats/asyncapi.ts'
import { decisionRoutes } from './intake.ts'

const RETRY_S = 1

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

  app.get('/livez', OF_ANYONE_UNLIMITED, async () => ({ live: true }))

  app.get('/readyz', OF_ANYONE_UNLIMITED, async (_request, reply) => {
    const stopped = directory.states.flatMap(({ partition, stopped, ...progress }) =>
      stopped ? [{ partition, stopped: shown(stopped.code), ...progress }] : [],
    )
    const { failing } = directory
    const ready = stopped.length === 0 && failing === null
    if (!ready) reply.code(503).header('retry-after', RETRY_S)
    const writes = failing && { code: failing.code, message: failing.message }
    return { ready, partitions: settings.partitions, stopped, ...(writes && { writes: [writes] }) }
  })
}

/** Anybody may read it: the text of an error may hold more than that. */
function shown(code: string): { code: string; message: string } {
  const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'RC_INTERNAL'
  return { code: known, message: ERRORS[known][1] }
}

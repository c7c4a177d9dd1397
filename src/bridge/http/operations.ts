import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { actorId, listedAt, splitId } from '../../../actors/index.ts'
import type { Document } from '../../documents/index.ts'
import { RollcallError } from '../../errors.ts'
import { partitionOf } from '../../log/partition-of.ts'
import { OF_ANYONE, OF_OPERATOR, OF_PROBE } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { parseOne } from '../inputs.ts'
import { asyncApi } from '../nats/asyncapi.ts'
import { readinessOf } from '../readiness.ts'
import { decisionRoutes } from './intake.ts'
import { noPlace, page, paged, USUAL } from './pages.ts'

const RETRY_S = 1
const BY_ID = { _id: 1 } as const
const BY_PLACE = { listed: 1 } as const

const parkedQuery = z.object(page(USUAL))
const actorsQuery = z.object({ kind: z.string().optional(), state: z.string().optional(), ...page(USUAL) })

interface OfActor {
  Params: { kind: string; key: string }
}

/** Routes of operators: actors, all that is parked, whether the process lives and is ready. */
export function operationRoutes(app: FastifyInstance, bridge: Bridge): void {
  const { directory, documents, settings, time } = bridge
  app.get<OfActor>('/actors/:kind/:key', OF_OPERATOR, async ({ params: { kind, key } }) => {
    const partition = partitionOf(key, settings.partitions)
    const view = await directory.owner.actor(partition, kind, key)
    if (!view.snapshot) throw new RollcallError('RC_NOT_FOUND')
    const { owner: _owner, epoch: _epoch, cut: _cut, isAwake: _isAwake, edge: _edge, ...shown } = view
    return shown
  })

  app.get('/actors', OF_OPERATOR, async ({ query }) => {
    const { kind, state, after = '', limit } = parseOne(actorsQuery, query, time.now())
    const kinds = kind === undefined ? settings.snapshots.toSorted() : [kind]
    if (!kinds.every(each => settings.snapshots.includes(each))) throw notKept(settings.snapshots)
    const from = splitId(after).kind
    if (after !== '' && !(after.includes('/') && kinds.includes(from))) throw noPlace()
    const found: Document[] = []
    for (const each of kinds) {
      if (each < from || found.length > limit) continue
      const query = ofKind(each, state, each === from ? splitId(after).key : '')
      found.push(...(await documents.find('actors', { ...query, limit: limit + 1 - found.length })))
    }
    const { items, next } = paged(found, limit, ({ _id }) => _id)
    const actors = items.map(({ _id, value, partition, seq }) => ({ ...splitId(_id), value, partition, seq }))
    return { actors, next }
  })

  app.get('/parked', OF_OPERATOR, async ({ query }) => {
    const { after = '', limit } = parseOne(parkedQuery, query, time.now())
    const all = (await directory.owner.parked()).filter(({ actor }) => actor > after)
    const inOrder = all.sort((a, b) => (a.actor < b.actor ? -1 : 1))
    const { items, next } = paged(inOrder, limit, ({ actor }) => actor)
    return { parked: items, next }
  })
  decisionRoutes<OfActor['Params']>(app, bridge, 'parked', '/parked/:kind/:key', async ({ kind, key }) => {
    const actor = actorId(kind, key)
    const parked = await directory.owner.parked(partitionOf(key, settings.partitions))
    return parked.some(each => each.actor === actor) ? { key, id: '', actor } : null
  })

  app.get('/asyncapi.json', OF_ANYONE, async () => asyncApi())

  app.get('/livez', OF_PROBE, async () => ({ live: true }))

  app.get('/readyz', OF_PROBE, async (_request, reply) => {
    const readiness = readinessOf(bridge)
    if (!readiness.ready) reply.code(503).header('retry-after', RETRY_S)
    return readiness
  })
}

/** The actors of a kind behind the one of that key, in the order of their keys. `/` is followed by `0`. */
function ofKind(kind: string, state: string | undefined, key: string) {
  if (state === undefined) return { filter: { _id: { $gt: actorId(kind, key), $lt: `${kind}0` } }, sort: BY_ID }
  const listed = { $gt: listedAt(kind, state, key), $lt: `${kind}/${state}0` }
  return { filter: { listed, value: state }, sort: BY_PLACE }
}

function notKept(kept: readonly string[]): RollcallError {
  const message = `must be one of ROLLCALL_SNAPSHOTS: ${kept.join(', ')}`
  return new RollcallError('RC_INVALID_INPUT', undefined, {
    faults: [{ index: 0, path: 'kind', code: 'not_kept', message }],
  })
}

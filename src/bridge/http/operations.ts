import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { actorId, listedAt, splitId } from '../../../actors/index.ts'
import type { Document } from '../../documents/index.ts'
import { RollcallError } from '../../errors.ts'
import { partitionOf } from '../../log/partition-of.ts'
import type { Bridge } from '../index.ts'
import { parseOne } from '../inputs.ts'
import { asyncApi } from '../nats/asyncapi.ts'
import { readiness, readinessOf } from '../readiness.ts'
import { decisionRoutes } from './intake.ts'
import { noPlace, page, paged, pageOf, USUAL } from './pages.ts'
import { of, type Said } from './reference/route.ts'
import { actorParams, hasState, NO_STATE_OF_KIND, snapshot, stateOf } from './snapshot.ts'

const RETRY_S = 1
const BY_ID = { _id: 1 } as const
const BY_PLACE = { listed: 1 } as const

const parkedQuery = z.object(page(USUAL))

/** A query for actors of the kinds that are kept as documents. */
const actorsQuery = (kept: readonly string[]) =>
  z
    .object({
      kind: z
        .string()
        .refine(kind => kept.includes(kind), {
          ...{ error: `must be one of ROLLCALL_SNAPSHOTS: ${kept.join(', ')}`, params: { code: 'not_kept' } },
        })
        .meta({ enum: kept })
        .optional(),
      state: stateOf(kept).optional(),
      ...page(USUAL, new RegExp(`^(${kept.join('|')})/`)),
    })
    .refine(hasState, NO_STATE_OF_KIND)

const one = of('operator', {
  ...{ group: 'Operating', does: 'The snapshot of an actor, as of now, as XState persists it.', params: actorParams },
  answers: {
    200: z.object({
      ...{ kind: z.string(), key: z.string(), snapshot, partition: z.number().int(), shard: z.number().int() },
      seq: z.number().int().describe('The last entry of its partition that is in it.'),
    }),
  },
  ...{ needs: ['owner'], codes: ['RC_NOT_FOUND'] },
})
const listed = {
  ...{ group: 'Operating', does: 'Actors by kind and key, as of the last commit.' },
  more: '`kind` is one of `ROLLCALL_SNAPSHOTS`; `state` one of its machine.',
  answers: {
    200: pageOf({
      actors: z.array(
        z.object({
          ...{ kind: z.string(), key: z.string(), value: z.unknown(), partition: z.number().int() },
          seq: z.number().int().describe('The entry that changed it last.'),
        }),
      ),
    }),
  },
  needs: ['documents'],
} as const satisfies Said
const parkedEvents = z.object({
  ...{ partition: z.number().int(), actor: z.string(), error: z.string(), count: z.number().int() },
  events: z
    .array(
      z.object({
        ...{ seq: z.number().int(), index: z.number().int(), event: z.looseObject({}) },
        ...{ error: z.string().optional(), isOpen: z.literal(true).optional() },
      }),
    )
    .describe('Those that are in memory.'),
})
const parked = of('operator', {
  ...{ group: 'Operating', does: 'Actors with an event that they could not take, and those behind it.' },
  ...{ query: parkedQuery, answers: { 200: pageOf({ parked: z.array(parkedEvents) }) }, needs: ['owner'] },
})
const live = of('probe', {
  ...{ group: 'Operating', does: 'Whether the process lives.', answers: { 200: z.object({ live: z.literal(true) }) } },
})
const ready = of('probe', {
  ...{ group: 'Operating', does: 'Whether every partition goes on, whoever owns it, and the log takes events.' },
  ...{ more: 'As of the last second.', answers: { 200: readiness, 503: readiness } },
})
const subjects = of('anyone', {
  ...{ group: 'Pages', does: 'What goes in and out over NATS, as AsyncAPI 3.', answers: { 200: z.looseObject({}) } },
})

interface OfActor {
  Params: { kind: string; key: string }
}

/** Routes of operators: actors, all that is parked, whether the process lives and is ready. */
export function operationRoutes(app: FastifyInstance, bridge: Bridge): void {
  const { directory, documents, settings, time } = bridge
  app.get<OfActor>('/actors/:kind/:key', one, async ({ params: { kind, key } }) => {
    const partition = partitionOf(key, settings.partitions)
    const view = await directory.owner.actor(partition, kind, key)
    if (!view.snapshot) throw new RollcallError('RC_NOT_FOUND')
    const { owner: _owner, epoch: _epoch, cut: _cut, isAwake: _isAwake, edge: _edge, ...shown } = view
    return shown
  })

  const query = actorsQuery(settings.snapshots)
  app.get('/actors', of('operator', { ...listed, query }), async request => {
    const { kind, state, after = '', limit } = parseOne(query, request.query, time.now())
    const kinds = kind === undefined ? settings.snapshots.toSorted() : [kind]
    const from = splitId(after).kind
    if (after !== '' && !kinds.includes(from)) throw noPlace()
    const found: Document[] = []
    for (const each of kinds) {
      if (each < from || found.length > limit) continue
      const { filter, sort } = ofKind(each, state, each === from ? splitId(after).key : '')
      found.push(...(await documents.find('actors', { ...{ filter, sort }, limit: limit + 1 - found.length })))
    }
    const { items, next } = paged(found, limit, ({ _id }) => _id)
    const actors = items.map(({ _id, value, partition, seq }) => ({ ...splitId(_id), value, partition, seq }))
    return { actors, next }
  })

  app.get('/parked', parked, async ({ query }) => {
    const { after = '', limit } = parseOne(parkedQuery, query, time.now())
    const all = (await directory.owner.parked()).filter(({ actor }) => actor > after)
    const inOrder = all.sort((a, b) => (a.actor < b.actor ? -1 : 1))
    const { items, next } = paged(inOrder, limit, ({ actor }) => actor)
    return { parked: items, next }
  })
  const says = {
    retry: 'Tries the parked events of an actor again.',
    drop: 'Gives the first parked event of an actor up, and tries the others.',
  }
  decisionRoutes<OfActor['Params']>(app, bridge, 'parked', '/parked/:kind/:key', says, async ({ kind, key }) => {
    const actor = actorId(kind, key)
    const parked = await directory.owner.parked(partitionOf(key, settings.partitions))
    return parked.some(each => each.actor === actor) ? { key, id: '', actor } : null
  })

  app.get('/asyncapi.json', subjects, async () => asyncApi())

  app.get('/livez', live, async () => ({ live: true }))

  app.get('/readyz', ready, async (_request, reply) => {
    const told = readinessOf(bridge)
    if (!told.ready) reply.code(503).header('retry-after', RETRY_S)
    return told
  })
}

/** The actors of a kind behind the one of that key, in the order of their keys. `/` is followed by `0`. */
function ofKind(kind: string, state: string | undefined, key: string) {
  if (state === undefined) return { filter: { _id: { $gt: actorId(kind, key), $lt: `${kind}0` } }, sort: BY_ID }
  const listed = { $gt: listedAt(kind, state, key), $lt: `${kind}/${state}0` }
  return { filter: { listed, value: state }, sort: BY_PLACE }
}

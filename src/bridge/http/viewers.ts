import type { FastifyInstance } from 'fastify'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { STALE_MS, seenAt, seenSince } from '../../../actors/viewer.ts'
import { type AudienceCount, sumOf } from '../../audience/sum.ts'
import type { DocumentStore } from '../../documents/index.ts'
import { mustBe, mustHave } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { parseOne } from '../inputs.ts'
import { noPlace, OF_ONE_THING, page, paged, pageOf, placeIn, USUAL } from './pages.ts'
import { of } from './reference/route.ts'

/** Streams of which it is looked up at a request if they are sessions; those with the most viewers come first. */
const LOOKED_UP = 10_000
const LOOKED_UP_AT_ONCE = 500
const KNOWN_STREAMS = 100_000
/** A stream may become a session, but no session becomes none. */
const NO_SESSION_MS = 5_000

const ofAll = z.object(page(OF_ONE_THING))
const ofStream = z.object({ users: z.enum(['true', 'false']).optional(), ...page(OF_ONE_THING) })
const ofStreamer = z.object(page(USUAL, /^\d{1,15}-(preview|sd)-./))

const COUNT = {
  alive: z.number().int().describe('With a beat in the last 65 s.'),
  attendance: z.number().int().describe('Who ever came.'),
}
const all = of('user', {
  ...{ group: 'Audience', does: 'Who watches, in all and by session: of streams with a beat in the last 24 h.' },
  more: 'Of streams that are no sessions, and of more than 10,000 that were not looked up in the last 5 s, the sum.',
  ...{ query: ofAll, needs: ['owner', 'documents'] },
  answers: {
    200: pageOf({
      ...COUNT,
      bySession: z.record(z.string(), z.object(COUNT)),
      withoutSession: z.object({ ...COUNT, streams: z.number().int() }),
    }),
  },
})
const stream = of('user', {
  ...{ group: 'Audience', does: 'How many watch a stream, which need not be a session.' },
  more: 'With `users=true`, for services, also who they are, as of the last commit.',
  ...{ query: ofStream, needs: ['owner'] },
  answers: {
    200: pageOf({
      ...COUNT,
      users: z.array(z.string()).nullish().describe('null while that is not known, as soon after a start.'),
    }),
  },
})
const seen = z.array(z.object({ userId: z.string(), lastAt: z.number().int() }))
const streamer = of('user', {
  ...{ group: 'Audience', does: 'Who watched a streamer in the last days, the latest first.' },
  ...{ query: ofStreamer, needs: ['documents'] },
  answers: { 200: pageOf({ viewers: z.object({ preview: seen, sd: seen }) }) },
})

interface WithId {
  Params: { id: string }
}

/** Routes that tell who watches: in all, a stream, a streamer. */
export function viewerRoutes(app: FastifyInstance, { documents, directory, time }: Bridge): void {
  const sessions = new KnownSessions(documents)

  app.get('/viewers', all, async ({ query }) => {
    const { after = '', limit } = parseOne(ofAll, query, time.now())
    const { all, bySession } = await directory.owner.audience()
    const { shown, others } = await sessions.split(bySession)
    const later = shown.filter(([id]) => id > after).sort(([a], [b]) => (a < b ? -1 : 1))
    const { items, next } = paged(later, limit, ([id]) => id)
    const withoutSession = { ...sumOf(others.map(([, count]) => count)), streams: others.length }
    return { ...all, bySession: Object.fromEntries(items), withoutSession, next }
  })

  app.get<WithId>('/sessions/:id/viewers', stream, async ({ params, query, caller }) => {
    const { users, after = '', limit } = parseOne(ofStream, query, time.now())
    if (users !== 'true') return directory.owner.audienceOf(params.id)
    mustHave(caller, 'service')
    const count = await directory.owner.audienceOf(params.id)
    const alive = await directory.owner.alive(params.id)
    if (alive === null) return { ...count, users: null }
    const { items, next } = paged(
      alive.filter(id => id > after),
      limit,
      id => id,
    )
    return { ...count, users: items, next }
  })

  app.get<WithId>('/users/:id/viewers', streamer, async ({ params, query, caller }) => {
    mustBe(caller, params.id)
    const { after, limit } = parseOne(ofStreamer, query, time.now())
    const filter = { $and: [{ seen: seenSince(params.id, time.now() - STALE_MS) }, beyond(params.id, after)] }
    const found = await documents.find('stream-viewers', { filter, sort: { seen: -1, _id: -1 }, limit: limit + 1 })
    const { items, next } = paged(found, limit, each => `${each.lastAt}-${each.preset}-${each.userId}`)
    const of = (wanted: string) =>
      items.filter(({ preset }) => preset === wanted).map(({ userId, lastAt }) => ({ userId, lastAt }))
    return { viewers: { preview: of('preview'), sd: of('sd') }, next }
  })
}

/** A filter of those who come behind a place, the latest first. */
function beyond(streamerId: string, after: string | undefined): Record<string, unknown> {
  if (after === undefined) return {}
  const { at, id } = placeIn(after)
  const [, preset, userId] = /^(preview|sd)-(.+)$/su.exec(id) ?? []
  if (userId === undefined) throw noPlace()
  const seen = seenAt(streamerId, at)
  const isLater = { $or: [{ seen: { $lt: seen } }, { _id: { $lt: [streamerId, preset, userId].join('\n') } }] }
  return { seen: { $lte: seen }, ...isLater }
}

type Count = [id: string, count: AudienceCount]

/** Tells streams that are sessions from others, which anybody can make by watching what there is not. */
class KnownSessions {
  readonly #documents: DocumentStore
  readonly #known = new LRUCache<string, boolean>({ max: KNOWN_STREAMS })

  constructor(documents: DocumentStore) {
    this.#documents = documents
  }

  async split(streams: readonly Count[]): Promise<{ shown: Count[]; others: Count[] }> {
    const isShown = new Map(streams.map(([id]) => [id, this.#known.get(id)]))
    const unknown = streams.filter(([id]) => isShown.get(id) === undefined).sort(([, a], [, b]) => b.alive - a.alive)
    const asked = unknown.slice(0, LOOKED_UP).map(([id]) => id)
    for (let i = 0; i < asked.length; i += LOOKED_UP_AT_ONCE) {
      const some = asked.slice(i, i + LOOKED_UP_AT_ONCE)
      const found = await this.#documents.find('sessions', { filter: { _id: { $in: some } } })
      const ids = new Set(found.map(({ _id }) => _id))
      for (const id of some) {
        isShown.set(id, ids.has(id))
        this.#known.set(id, ids.has(id), ids.has(id) ? {} : { ttl: NO_SESSION_MS })
      }
    }
    const { shown = [], others = [] } = Object.groupBy(streams, ([id]) => (isShown.get(id) ? 'shown' : 'others'))
    return { shown, others }
  }
}

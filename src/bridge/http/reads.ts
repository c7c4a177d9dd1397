import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { sessionOf } from '../../../actors/streamer-session.ts'
import { aliasesOf } from '../../../machines/feed.ts'
import type { ViewerContext } from '../../../machines/viewer.ts'
import { statistics } from '../../audience/statistics.ts'
import { withId } from '../../documents/answered.ts'
import type { Document } from '../../documents/index.ts'
import { RollcallError } from '../../errors.ts'
import { explain } from '../../feeds/explanation.ts'
import { feedKeys, feedOf } from '../../feeds/groups.ts'
import { partitionOf } from '../../log/partition-of.ts'
import { mustBe, mustHave, OF_USER } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { parseOne } from '../inputs.ts'
import { noPlace, OF_ONE_THING, page, paged, USUAL } from './pages.ts'

const DAY_MS = 86_400_000
const sessionsQuery = z.object({ active: z.enum(['true', 'false']).optional(), ...page(USUAL) })
const viewingQuery = z.object(page(OF_ONE_THING))
const instant = z
  .string()
  .regex(/^\d{1,15}$/, { error: 'must be ms since the epoch' })
  .transform(Number)
const feedQuery = z.object({ explain: z.enum(['true', 'false']).optional() })
const statisticsQuery = z.object({ from: instant.optional(), to: instant.optional(), ...page(OF_ONE_THING) })

interface WithId {
  Params: { id: string }
}

export function readRoutes(app: FastifyInstance, bridge: Bridge): void {
  const { documents, directory, settings, time } = bridge
  const aliases = new Set(feedKeys(settings.feeds.groups).flatMap(aliasesOf))
  /** of the latest generations: a feed is read far more often than it changes */
  const texts = new Map<string, FeedTexts>()
  const there = (document: Document | null): Document => {
    if (!document) throw new RollcallError('RC_NOT_FOUND')
    return document
  }

  app.get('/sessions', OF_USER, async ({ query }) => {
    const { active, after, limit } = parseOne(sessionsQuery, query, time.now())
    // Few are active, which an index finds; of the others it would find nearly all there are.
    const isActive = active && { active: active === 'true' ? true : { $ne: true } }
    const filter = { ...isActive, ...(after !== undefined && { _id: { $lt: after } }) }
    const found = await documents.find('sessions', { filter, sort: { _id: -1 }, limit: limit + 1 })
    const { items, next } = paged(found, limit, ({ _id }) => _id)
    return { sessions: items.map(sessionOf), next }
  })

  app.get<WithId>('/sessions/:id', OF_USER, async ({ params }) => {
    const session = await documents.get('sessions', params.id)
    if (!session) throw new RollcallError('RC_SESSION_NOT_FOUND')
    return sessionOf(session)
  })

  app.get('/statistics', async ({ query }) => {
    const { from, to = time.now(), after, limit } = parseOne(statisticsQuery, query, time.now())
    if (after !== undefined && !/^\d{1,15}$/.test(after)) throw noPlace()
    const start = after === undefined ? (from ?? to - DAY_MS) : Number(after) + 1
    return statistics(documents, start, to, { limit, partitions: settings.partitions })
  })

  app.get<WithId>('/users/:id', OF_USER, async ({ params, caller }) => {
    mustBe(caller, params.id)
    return withId(there(await documents.get('users', params.id)))
  })

  app.get<WithId>('/users/:id/viewing-sessions', OF_USER, async ({ params, query, caller }) => {
    mustBe(caller, params.id)
    const userId = params.id
    const { after = '', limit } = parseOne(viewingQuery, query, time.now())
    const partition = partitionOf(userId, settings.partitions)
    const view = await directory.owner.actor(partition, 'viewer', userId)
    const filter = { userId, ...(after !== '' && { _id: { $gt: after } }) }
    // The ids of one user are in the order of their starts.
    const written = await documents.find('viewing-sessions', { filter, sort: { _id: 1 }, limit: limit + 1 })
    const runs = (view.snapshot?.context as ViewerContext | undefined)?.runs ?? []
    const settled = written.map(({ _id, start, end }) => ({ id: _id, start: Number(start), end: Number(end) }))
    const live = runs.map(({ start, end }) => ({ id: `${userId}-${start}`, start, end }))
    const oldest = live[0]?.start ?? Number.POSITIVE_INFINITY
    const former = settled.filter(({ end }) => end < oldest)
    const all = [...former, ...live.filter(({ id }) => id > after)]
    const { items, next } = paged(all, limit, ({ id }) => id)
    return { viewingSessions: items, next }
  })

  app.get<{ Params: { alias: string } }>('/feeds/:alias', OF_USER, async (request, reply) => {
    const { params, query, caller } = request
    const { alias } = params
    if (!aliases.has(alias)) throw new RollcallError('RC_NOT_FOUND')
    if (parseOne(feedQuery, query, time.now()).explain === 'true') {
      mustHave(caller, 'operator')
      return explanationOf(bridge, alias)
    }
    const head = await documents.get('feeds', alias)
    reply.type('application/json; charset=utf-8')
    const known = texts.get(alias)
    const of = ({ forServices, forUsers }: FeedTexts) => (caller.isService ? forServices : forUsers)
    if (known && known.generatedAt === head?.generatedAt) return of(known)
    const latest = head && (await documents.get('feeds', String(head.latest)))
    if (!latest) return JSON.stringify({ items: [], generatedAt: null })
    const fresh = textsOf(latest)
    texts.set(alias, fresh)
    return of(fresh)
  })
}

/** The feed as it would be generated now. */
async function explanationOf({ documents, settings, time }: Bridge, alias: string) {
  const { groups, excludedTags, items: limit } = settings.feeds
  const key = feedKeys(groups).find(key => aliasesOf(key).includes(alias))!
  const listed = await documents.get('trending', 'trending')
  const trending: string[] = Array.isArray(listed?.userIds) ? listed.userIds : []
  const head = await documents.get('feeds', alias)
  const explanation = await explain(documents, { ...feedOf(groups, key, excludedTags)!, trending, limit })
  return { alias, at: time.now(), generatedAt: head?.generatedAt ?? null, ...explanation }
}

/** A generation of a feed as it is answered: what a streamer earned is nobody's business but the services'. */
interface FeedTexts {
  generatedAt: unknown
  forServices: string
  forUsers: string
}

function textsOf({ items, generatedAt }: Document): FeedTexts {
  const withoutRevenue = (items as { metadata: { revenue?: unknown } }[]).map(({ metadata, ...item }) => {
    const { revenue: _, ...shown } = metadata
    return { ...item, metadata: shown }
  })
  return {
    generatedAt,
    forServices: JSON.stringify({ items, generatedAt }),
    forUsers: JSON.stringify({ items: withoutRevenue, generatedAt }),
  }
}

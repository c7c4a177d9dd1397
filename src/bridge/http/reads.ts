import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { sessionOf } from '../../../actors/streamer-session.ts'
import { STALE_MS, seenSince } from '../../../actors/viewer.ts'
import type { ViewerContext } from '../../../machines/viewer.ts'
import { statistics } from '../../audience/statistics.ts'
import { withId } from '../../documents/answered.ts'
import type { Document } from '../../documents/index.ts'
import { RollcallError } from '../../errors.ts'
import { aliasesOf } from '../../feeds/groups.ts'
import { partitionOf } from '../../log/partition-of.ts'
import { mustBe, mustHave, OF_USER } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { parseOne } from '../inputs.ts'

const DAY_MS = 86_400_000
const SESSIONS = 10_000
const STREAM_VIEWERS = 10_000

const sessionsQuery = z.object({ active: z.enum(['true', 'false']).optional() })
const viewersQuery = z.object({ users: z.enum(['true', 'false']).optional() })
const instant = z
  .string()
  .regex(/^\d{1,15}$/, { error: 'must be ms since the epoch' })
  .transform(Number)
const statisticsQuery = z.object({ from: instant.optional(), to: instant.optional() })

interface WithId {
  Params: { id: string }
}

export function readRoutes(app: FastifyInstance, bridge: Bridge): void {
  const { documents, directory, settings, time } = bridge
  const aliases = new Set(aliasesOf(settings.feeds.groups))
  /** of the latest generations: a feed is read far more often than it changes */
  const texts = new Map<string, { generatedAt: unknown; text: string }>()
  const there = (document: Document | null): Document => {
    if (!document) throw new RollcallError('RC_NOT_FOUND')
    return document
  }

  app.get('/sessions', OF_USER, async ({ query }) => {
    const { active } = parseOne(sessionsQuery, query, time.now())
    const filter = active === undefined ? {} : { active: active === 'true' }
    const sessions = await documents.find('sessions', { filter, sort: { _id: -1 }, limit: SESSIONS })
    return { sessions: sessions.map(sessionOf) }
  })

  app.get<WithId>('/sessions/:id', OF_USER, async ({ params }) => {
    const session = await documents.get('sessions', params.id)
    if (!session) throw new RollcallError('RC_SESSION_NOT_FOUND')
    return sessionOf(session)
  })

  app.get<WithId>('/sessions/:id/viewers', OF_USER, async ({ params, query, caller }) => {
    const { users } = parseOne(viewersQuery, query, time.now())
    if (users === 'true') mustHave(caller, 'service')
    const count = await directory.owner.audienceOf(params.id)
    return users === 'true' ? { ...count, users: await directory.owner.alive(params.id) } : count
  })

  app.get('/viewers', OF_USER, async () => {
    const { all, bySession } = await directory.owner.audience()
    return { ...all, bySession: Object.fromEntries(bySession) }
  })

  app.get('/statistics', async ({ query }) => {
    const { from, to = time.now() } = parseOne(statisticsQuery, query, time.now())
    return { records: await statistics(documents, from ?? to - DAY_MS, to) }
  })

  app.get<WithId>('/users/:id', OF_USER, async ({ params, caller }) => {
    mustBe(caller, params.id)
    return withId(there(await documents.get('users', params.id)))
  })

  app.get<WithId>('/users/:id/viewing-sessions', OF_USER, async ({ params, caller }) => {
    mustBe(caller, params.id)
    const userId = params.id
    const partition = partitionOf(userId, settings.partitions)
    const view = await directory.owner.actor(partition, 'viewer', userId)
    const written = await documents.find('viewing-sessions', { filter: { userId }, sort: { start: 1 } })
    const runs = (view.snapshot?.context as ViewerContext | undefined)?.runs ?? []
    const settled = written.map(({ _id, start, end }) => ({ id: _id, start: Number(start), end: Number(end) }))
    const live = runs.map(({ start, end }) => ({ id: `${userId}-${start}`, start, end }))
    const oldest = live[0]?.start ?? Number.POSITIVE_INFINITY
    return { viewingSessions: [...settled.filter(({ end }) => end < oldest), ...live] }
  })

  app.get<{ Params: { alias: string } }>('/feeds/:alias', OF_USER, async ({ params: { alias } }, reply) => {
    if (!aliases.has(alias)) throw new RollcallError('RC_NOT_FOUND')
    const head = await documents.get('feeds', alias)
    reply.type('application/json; charset=utf-8')
    const known = texts.get(alias)
    if (known && known.generatedAt === head?.generatedAt) return known.text
    const latest = head && (await documents.get('feeds', String(head.latest)))
    if (!latest) return JSON.stringify({ items: [], generatedAt: null })
    const { items, generatedAt } = latest
    const text = JSON.stringify({ items, generatedAt })
    texts.set(alias, { generatedAt, text })
    return text
  })

  app.get<WithId>('/users/:id/viewers', OF_USER, async ({ params, caller }) => {
    mustBe(caller, params.id)
    const filter = { seen: seenSince(params.id, time.now() - STALE_MS) }
    const found = await documents.find('stream-viewers', { filter, limit: STREAM_VIEWERS })
    const seen = found.sort((a, b) => Number(b.lastAt) - Number(a.lastAt))
    const of = (wanted: string) =>
      seen.filter(({ preset }) => preset === wanted).map(({ userId, lastAt }) => ({ userId, lastAt }))
    return { viewers: { preview: of('preview'), sd: of('sd') } }
  })
}

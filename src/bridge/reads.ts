import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { ViewerContext } from '../../machines/viewer.ts'
import type { StatisticsRecord } from '../audience/counters.ts'
import type { Document } from '../documents/index.ts'
import { RollcallError } from '../errors.ts'
import { aliasesOf } from '../livestream/groups.ts'
import { partitionOf } from '../log/partition-of.ts'
import { added, type Bridge } from './index.ts'
import { parseOne } from './inputs.ts'
import { sessionOf, withId } from './shown.ts'

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
  const { documents, shards, config, now } = bridge
  const aliases = new Set(aliasesOf(config.feeds.groups))
  const there = (document: Document | null): Document => {
    if (!document) throw new RollcallError('RC_NOT_FOUND')
    return document
  }

  app.get('/sessions', async ({ query }) => {
    const { active } = parseOne(sessionsQuery, query, now())
    const filter = active === undefined ? {} : { active: active === 'true' }
    const sessions = await documents.find('sessions', { filter, sort: { _id: -1 }, limit: SESSIONS })
    return { sessions: sessions.map(sessionOf) }
  })

  app.get<WithId>('/sessions/:id', async ({ params }) => {
    const session = await documents.get('sessions', params.id)
    if (!session) throw new RollcallError('RC_SESSION_NOT_FOUND')
    return sessionOf(session)
  })

  app.get<WithId>('/sessions/:id/viewers', async ({ params, query }) => {
    const { users } = parseOne(viewersQuery, query, now())
    const counts = await Promise.all(shards.all.map(shard => shard.call(remote => remote.audienceOf(params.id))))
    if (users !== 'true') return counts.reduce(added)
    const alive = await Promise.all(shards.all.map(shard => shard.call(remote => remote.alive(params.id))))
    return { ...counts.reduce(added), users: alive.flat().sort() }
  })

  app.get('/viewers', async () => {
    const { all, bySession } = await shards.audience()
    return { ...all, bySession: Object.fromEntries(bySession) }
  })

  app.get('/statistics', async ({ query }) => {
    const { from, to = now() } = parseOne(statisticsQuery, query, now())
    const filter = { timestamp: { $gte: from ?? to - DAY_MS, $lt: to } }
    return { records: summed(await documents.find('statistics', { filter, sort: { timestamp: 1 } })) }
  })

  app.get<WithId>('/users/:id', async ({ params }) => withId(there(await documents.get('users', params.id))))

  app.get<WithId>('/users/:id/viewing-sessions', async ({ params }) => {
    const userId = params.id
    const partition = partitionOf(userId, config.partitions)
    const view = await shards.of(partition).call(remote => remote.actor(partition, 'viewer', userId))
    const written = await documents.find('viewing-sessions', { filter: { userId }, sort: { start: 1 } })
    const runs = (view.snapshot?.context as ViewerContext | undefined)?.runs ?? []
    const settled = written.map(({ _id, start, end }) => ({ id: _id, start: Number(start), end: Number(end) }))
    const live = runs.map(({ start, end }) => ({ id: `${userId}-${start}`, start, end }))
    const oldest = live[0]?.start ?? Number.POSITIVE_INFINITY
    return { viewingSessions: [...settled.filter(({ end }) => end < oldest), ...live] }
  })

  app.get<{ Params: { alias: string } }>('/feeds/:alias', async ({ params: { alias } }) => {
    if (!aliases.has(alias)) throw new RollcallError('RC_NOT_FOUND')
    const head = await documents.get('feeds', alias)
    const latest = head && (await documents.get('feeds', String(head.latest)))
    return { items: latest?.items ?? [], generatedAt: latest?.generatedAt ?? null }
  })

  app.get<WithId>('/users/:id/viewers', async ({ params }) => {
    const filter = { streamerId: params.id }
    const seen = await documents.find('stream-viewers', { filter, sort: { lastAt: -1 }, limit: STREAM_VIEWERS })
    const of = (wanted: string) =>
      seen.filter(({ preset }) => preset === wanted).map(({ userId, lastAt }) => ({ userId, lastAt }))
    return { viewers: { preview: of('preview'), sd: of('sd') } }
  })
}

/** A user lives in one partition, so counts of distinct users add up over the partitions. */
function summed(documents: Document[]): Record<string, unknown>[] {
  const windows = Map.groupBy(documents as unknown as StatisticsRecord[], ({ timestamp }) => timestamp)
  return [...windows]
    .map(([timestamp, parts]) => ({
      viewerCount: parts.reduce((count, part) => count + part.viewerCount, 0),
      timestamp,
      countByUserGroup: counts(parts.flatMap(part => part.countByUserGroup)),
      countByViewingCountry: counts(parts.flatMap(part => part.countByViewingCountry)),
    }))
    .filter(({ viewerCount }) => viewerCount > 0)
}

function counts(pairs: [name: string, count: number][]): Record<string, number> {
  const totals = new Map<string, number>()
  for (const [name, count] of pairs) totals.set(name, (totals.get(name) ?? 0) + count)
  return Object.fromEntries(totals)
}

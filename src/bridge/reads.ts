import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { ViewerContext } from '../../machines/viewer.ts'
import type { StatisticsRecord } from '../audience/counters.ts'
import type { Document } from '../documents/index.ts'
import { RollcallError } from '../errors.ts'
import { partitionOf } from './append.ts'
import type { Bridge } from './index.ts'
import { parseOne } from './inputs.ts'
import { sessionOf, withId } from './shown.ts'

const DAY_MS = 86_400_000
const SESSIONS = 10_000
const EFFECTS = 1_000

const sessionsQuery = z.object({ active: z.enum(['true', 'false']).optional() })
const viewersQuery = z.object({ users: z.enum(['true', 'false']).optional() })
const instant = z
  .string()
  .regex(/^\d{1,15}$/, { error: 'must be ms since the epoch' })
  .transform(Number)
const statisticsQuery = z.object({ from: instant.optional(), to: instant.optional() })
const effectsQuery = z.object({ actor: z.string().optional() })

interface WithId {
  Params: { id: string }
}

export function readRoutes(app: FastifyInstance, bridge: Bridge): void {
  const { documents, shards, config, now } = bridge
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
    if (users !== 'true') return counts.reduce(sum)
    const alive = await Promise.all(shards.all.map(shard => shard.call(remote => remote.alive(params.id))))
    return { ...counts.reduce(sum), users: alive.flat().sort() }
  })

  app.get('/viewers', async () => {
    const answers = await Promise.all(shards.all.map(shard => shard.call(remote => remote.audience())))
    const bySession = new Map<string, { alive: number; attendance: number }>()
    for (const [stream, count] of answers.flatMap(answer => answer.bySession)) {
      bySession.set(stream, sum(bySession.get(stream) ?? { alive: 0, attendance: 0 }, count))
    }
    return { ...answers.map(answer => answer.all).reduce(sum), bySession: Object.fromEntries(bySession) }
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

  app.get('/effects', async ({ query }) => {
    const { actor } = parseOne(effectsQuery, query, now())
    const filter = actor === undefined ? {} : { actor }
    const effects = await documents.find('effects', { filter, sort: { at: -1, _id: -1 }, limit: EFFECTS })
    return { effects: effects.map(withId) }
  })
}

const sum = <T extends { alive: number; attendance: number }>(a: T, b: T) => ({
  alive: a.alive + b.alive,
  attendance: a.attendance + b.attendance,
})

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

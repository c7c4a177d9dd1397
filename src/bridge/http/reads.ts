import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { sessionOf } from '../../../actors/streamer-session.ts'
import type { ViewerContext } from '../../../machines/viewer.ts'
import { statistics } from '../../audience/statistics.ts'
import { withId } from '../../documents/answered.ts'
import type { Document } from '../../documents/index.ts'
import { RollcallError } from '../../errors.ts'
import { partitionOf } from '../../log/partition-of.ts'
import { session, statisticsRecord, user } from '../answers.ts'
import { mustBe } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { parseOne } from '../inputs.ts'
import { OF_ONE_THING, page, paged, pageOf, USUAL } from './pages.ts'
import { of } from './reference/route.ts'

const DAY_MS = 86_400_000
const sessionsQuery = z.object({ active: z.enum(['true', 'false']).optional(), ...page(USUAL) })
const viewingQuery = z.object(page(OF_ONE_THING))
const instant = z
  .string()
  .regex(/^\d{1,15}$/, { error: 'must be ms since the epoch' })
  .transform(Number)
  .meta({ type: 'integer', minimum: 0, maximum: 999_999_999_999_999 })
const statisticsQuery = z.object({
  ...{ from: instant.optional(), to: instant.optional() },
  ...page(OF_ONE_THING, /^\d{1,15}$/),
})

const sessions = of('user', {
  ...{ group: 'Sessions', does: 'Sessions, the newest first.', query: sessionsQuery },
  ...{ answers: { 200: pageOf({ sessions: z.array(session) }) }, needs: ['documents'] },
})
const one = of('user', {
  ...{ group: 'Sessions', does: 'A session.', answers: { 200: session } },
  ...{ needs: ['documents'], codes: ['RC_SESSION_NOT_FOUND'] },
})
const windows = of('service', {
  ...{
    group: 'Audience',
    does: 'Viewers of each five minutes: windows that start in `[from, to)`, by default the last 24 h.',
  },
  more: 'A viewer counts once in a window, in each of its groups and in the country of its earliest beat in it.',
  ...{ query: statisticsQuery, needs: ['documents'] },
  answers: {
    200: pageOf({ records: z.array(statisticsRecord) }),
  },
})
const profile = of('user', {
  ...{ group: 'Platform', does: 'The profile of a user.', answers: { 200: user } },
  ...{ needs: ['documents'], codes: ['RC_NOT_FOUND'] },
})
const viewings = of('user', {
  ...{
    group: 'Audience',
    does: 'When a user watched: runs of beats with no gap over five minutes.',
    query: viewingQuery,
  },
  answers: {
    200: pageOf({
      viewingSessions: z.array(z.object({ id: z.string(), start: z.number().int(), end: z.number().int() })),
    }),
  },
  needs: ['owner', 'documents'],
})

interface WithId {
  Params: { id: string }
}

export function readRoutes(app: FastifyInstance, { documents, directory, settings, time }: Bridge): void {
  const there = (document: Document | null): Document => {
    if (!document) throw new RollcallError('RC_NOT_FOUND')
    return document
  }

  app.get('/sessions', sessions, async ({ query }) => {
    const { active, after, limit } = parseOne(sessionsQuery, query, time.now())
    // Few are active, which an index finds; of the others it would find nearly all there are.
    const isActive = active && { active: active === 'true' ? true : { $ne: true } }
    const filter = { ...isActive, ...(after !== undefined && { _id: { $lt: after } }) }
    const found = await documents.find('sessions', { filter, sort: { _id: -1 }, limit: limit + 1 })
    const { items, next } = paged(found, limit, ({ _id }) => _id)
    return { sessions: items.map(sessionOf), next }
  })

  app.get<WithId>('/sessions/:id', one, async ({ params }) => {
    const session = await documents.get('sessions', params.id)
    if (!session) throw new RollcallError('RC_SESSION_NOT_FOUND')
    return sessionOf(session)
  })

  app.get('/statistics', windows, async ({ query }) => {
    const { from, to = time.now(), after, limit } = parseOne(statisticsQuery, query, time.now())
    const start = after === undefined ? (from ?? to - DAY_MS) : Number(after) + 1
    return statistics(documents, start, to, { limit, partitions: settings.partitions })
  })

  app.get<WithId>('/users/:id', profile, async ({ params, caller }) => {
    mustBe(caller, params.id)
    return withId(there(await documents.get('users', params.id)))
  })

  app.get<WithId>('/users/:id/viewing-sessions', viewings, async ({ params, query, caller }) => {
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
}

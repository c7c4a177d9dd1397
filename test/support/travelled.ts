import { expect, vi } from 'vitest'
import type { AnyEventObject, AnyMachineSnapshot } from 'xstate'
import { aliasesOf, type FeedContext, feed } from '../../machines/feed.ts'
import { type StreamerContext, streamerSession } from '../../machines/streamer-session.ts'
import { type ViewerContext, viewer } from '../../machines/viewer.ts'
import { visitor } from '../../machines/visitor.ts'
import type { VisitorContext } from '../../machines/visitor-day.ts'
import { visitsOf } from '../../machines/web-sessions.ts'
import type { Graph } from './machine-paths.ts'
import type { Body, Server } from './server.ts'

/** A machine whose paths are gone through the HTTP of a server. */
export interface Travelled extends Graph {
  /** Sends events of one request; of those that nobody can send it knows nothing, they come by themselves. */
  send(server: Server, key: string, events: AnyEventObject[]): Promise<unknown>
  /** What the snapshot says that is to be seen. */
  says(context: Body, key: string): object
  /** The same as it is seen; `context` is the actor's own. */
  shown(server: Server, key: string, context: Body): Promise<object>
}

/** When it all begins: events say when they were, so that the machine and the server speak of the same time. */
const NOW = Date.now()
const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000]

/** Its deadline comes while a test runs, and nothing may come between. */
const isDue = ({ context }: AnyMachineSnapshot): boolean =>
  context.deadline !== null && context.deadline <= NOW + MINUTE

/** Nothing happens to the actor by itself while a test runs. */
export const isQuiet = (snapshot: AnyMachineSnapshot): boolean => snapshot.value !== 'generating' && !isDue(snapshot)

const VIEWER_RULES = { gapMs: 5 * MINUTE, lateMs: HOUR }

const beat = (at: number, key: string) => ({
  ...{ type: 'heartbeat', show: null, arrival: NOW, frozen: [], rules: VIEWER_RULES },
  beat: { at, path: `/live/of-${key}`, stream: `of-${key}`, country: 'TW', groups: ['vip'] },
})

const viewers: Travelled = {
  machine: viewer,
  moves: {
    beat: ({ context: { last } }, key) => beat(Math.max(NOW, (last?.at ?? 0) + SECOND), key),
    'beat of before': (snapshot, key) => (isDue(snapshot) ? null : beat(NOW - 7 * MINUTE, key)),
    'beat too late': (snapshot, key) =>
      isDue(snapshot) || snapshot.context.last === null ? null : beat(NOW - 2 * HOUR, key),
    deadline: snapshot => (isDue(snapshot) ? { type: 'deadline', at: NOW, rules: VIEWER_RULES } : null),
  },
  facts: snapshot => [snapshot.value, isDue(snapshot), snapshot.context.runs.length],
  send: (server, userId, events) =>
    server.deliver(
      '/heartbeats',
      events.map(({ beat: { at, path, country, groups } }) => ({ userId, at, path, country, groups })),
    ),
  says: ({ last, runs, cohorts, streams }: ViewerContext, key) => ({
    ...{ last, cohorts, streams },
    sessions: runs.map(({ start, end }) => ({ id: `${key}-${start}`, start, end })),
    attendance: streams.length,
  }),
  async shown(server, key, { last, cohorts, streams }) {
    const { viewingSessions } = (await server.get(`/users/${key}/viewing-sessions`, { after: true })).body
    const { attendance } = (await server.get(`/sessions/of-${key}/viewers`, { after: true })).body
    return { last, cohorts, streams, sessions: viewingSessions, attendance }
  },
}

const VISITOR_RULES = { zone: 'UTC', inactivityMs: 30 * MINUTE }

const visit = (ts: number, { context }: AnyMachineSnapshot, visitorId: string) => {
  const days = Object.values((context as VisitorContext).days)
  const count = days.flatMap(({ chunks }) => chunks.flat()).length
  const visits = [{ id: `e${count}`, ts: ts + count * SECOND, page: `/${count}` }]
  return { type: 'web-events', visitorId, visits, arrival: NOW, rules: VISITOR_RULES, adopts: null }
}

const visitors: Travelled = {
  machine: visitor,
  moves: {
    visit: (snapshot, key) => (isDue(snapshot) ? null : visit(NOW, snapshot, key)),
    'visit of before': (snapshot, key) => (isDue(snapshot) ? null : visit(NOW - 2 * HOUR, snapshot, key)),
    deadline: snapshot =>
      isDue(snapshot) ? { type: 'deadline', at: snapshot.context.deadline, rules: VISITOR_RULES } : null,
  },
  facts: snapshot => {
    const days = Object.values((snapshot.context as VisitorContext).days)
    const open = days.flatMap(({ standings }) => standings).filter(({ closeAt }) => closeAt !== null)
    return [snapshot.value, isDue(snapshot), open.length]
  },
  send: (server, sessionId, events) =>
    server.deliver(
      '/events',
      events.flatMap(({ visits }) => visits.map((visit: object) => ({ sessionId, ...visit }))),
    ),
  says: ({ days, first }: VisitorContext) => ({
    first,
    sessions: Object.keys(days)
      .sort()
      .flatMap(name => {
        const day = days[name]!
        return day.sessions.map(session => ({ ...session, eventIds: visitsOf(day, session.index).map(({ id }) => id) }))
      }),
  }),
  async shown(server, key, { first }) {
    const { webSessions } = (await server.get(`/web-sessions?visitor=${key}`, { after: true })).body
    return { first, sessions: webSessions }
  },
}

const change = (type: string, more: object) => {
  return ({ context: { session } }: AnyMachineSnapshot): AnyEventObject | null => {
    if (session === null) return null
    const at = Math.max(session.presetStamp.at, session.goalsStamp.at) + SECOND
    return { type, id: `at-${at}`, at, sessionId: session.id, ...more }
  }
}

const GOALS = {
  showGoalPairs: [{ title: 'A song', price: 50 }],
  exclusiveGoalPairs: [{ title: 'A dedication', price: 200 }],
}

const streamers: Travelled = {
  machine: streamerSession,
  moves: {
    start: ({ context: { session } }, streamerId) => {
      const nth = (session?.ordinal ?? 0) + 1
      return {
        ...{ type: 'session.start', id: `start-${nth}`, at: NOW + nth * MINUTE, streamerId, title: 'Tonight' },
        ...{ device: null, userTags: [], price: 0, fresh: `session-${nth}`, sourceId: null },
      }
    },
    sd: change('session.preset', { preset: 'sd', price: 0 }),
    preview: change('session.preset', { preset: 'preview', price: 0 }),
    goals: change('session.goals', GOALS),
    rating: change('session.rate', { rater: 'ann', score: 5 }),
    end: change('session.end', {}),
  },
  // A session that brought a rating along is like any other.
  facts: ({ value, context: { session } }) =>
    session?.rating.previousCount > 0 ? 'rated before' : [value, session?.started === null, session?.rating.ownCount],
  async send(server, userId, [event]) {
    if (event!.type === 'session.start') return server.deliver('/sessions', { userId, title: event!.title })
    const id = (await contextOf(server, 'streamer-session', userId)).session.id
    const { type, preset, rater, score } = event!
    if (type === 'session.preset') return server.deliver(`/sessions/${id}/preset`, { preset })
    if (type === 'session.rate') return server.deliver(`/sessions/${id}/ratings`, { userId: rater, score })
    if (type === 'session.goals') return server.deliver(`/sessions/${id}/goals`, GOALS, 'put')
    return server.deliver(`/sessions/${id}/end`, {})
  },
  says: ({ session }: StreamerContext) => {
    const { ordinal, title, preset, pricing, started, ended, showGoalPairs, exclusiveGoalPairs } = session!
    const { ownSum: _sum, ownCount: _count, ...rating } = session!.rating
    return {
      ...{ ordinal, title, active: ended === null, preset, of: pricing.preset, rating, showGoalPairs },
      ...{ exclusiveGoalPairs, wasLive: started !== null },
    }
  },
  async shown(server, _key, { session: { id, ordinal } }) {
    const { body } = await server.get(`/sessions/${id}`, { after: true })
    const { title, active, status, pricing, statuses, rating, showGoalPairs, exclusiveGoalPairs } = body
    return {
      ...{ ordinal, title, active, preset: status.preset, of: pricing.preset, rating, showGoalPairs },
      ...{ exclusiveGoalPairs, wasLive: statuses.started !== undefined },
    }
  },
}

const feeds: Travelled = {
  machine: feed,
  moves: {
    request: ({ value, context: { generation } }, key) =>
      value === 'idle' && generation === 0 ? { type: 'feed.request', feed: key, time: NOW } : null,
    deadline: ({ context: { deadline } }) => (deadline === null ? null : { type: 'deadline', at: deadline }),
    generated: ({ value, context: { generation } }) =>
      value === 'generating' ? { type: 'feed.generated', generation, generatedAt: NOW + MINUTE, items: 0 } : null,
  },
  facts: ({ value, context: { generation } }) => [value, generation],
  async send(server, key) {
    const userId = `streamer-of-${key}`
    await server.deliver(`/users/${userId}`, { tags: [`country:${key}`] }, 'put')
    await server.deliver('/sessions', { userId })
  },
  says: ({ feed, generation, askedAt }: FeedContext) => ({ feed, generation, askedAt, shown: aliasesOf(feed) }),
  async shown(server, _key, { feed, generation, askedAt }) {
    const shown: string[] = []
    for (const alias of aliasesOf(feed)) {
      const { generatedAt } = (await server.get(`/feeds/${alias}`)).body
      if (generatedAt >= NOW + 15 * SECOND) shown.push(alias)
    }
    return { feed, generation, askedAt, shown }
  },
}

export const TRAVELLED: readonly Travelled[] = [viewers, visitors, streamers, feeds]

/** The actor, as soon as the server answers. */
export const actorOf = (server: Server, kind: string, key: string): Promise<Body> =>
  vi.waitFor(
    async () => {
      const { status, body } = await server.get(`/actors/${kind}/${key}`, { after: true })
      expect([status, body]).toEqual([200, expect.anything()])
      return body.snapshot
    },
    { timeout: 40_000 },
  )

const contextOf = async (server: Server, kind: string, key: string): Promise<Body> =>
  (await actorOf(server, kind, key)).context

/** Edges that no request leads along, by the machine's id and the reason. */
export const UNREACHED: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  visitor: {
    'only where a checkpoint was lost, above documents of before': [
      'unknown, visitor-day.recompute: A day that documents may know is made anew.',
      'active, visitor-day.found: Documents told what they know of a day.',
      'inactive, visitor-day.found: Documents told what they know of a day.',
    ],
    'asked for by the command recompute': [
      'active, visitor-day.recompute: A day is made anew by the rules of now.',
      'inactive, visitor-day.recompute: A day is made anew by the rules of now.',
    ],
  },
  'streamer-session': {
    'nobody has a session to rate': [
      'offline, session.rate: A viewer rates the session, during it or afterwards; of a viewer the latest rating counts.',
    ],
    'nobody has a session whose rating could be found': [
      'offline, session.rating-found: Documents told the rating of an earlier session, on which this one builds.',
    ],
    'only above documents of another program, or of before a checkpoint was lost': [
      'offline, session.known: Documents know a session that has ended.',
      'offline, session.known: Documents know a session that is live.',
      'offline, session.known: Documents know a session in preview.',
      ...['preview', 'live', 'ended'].map(
        state =>
          `${state}, session.rating-found: Documents told the rating of an earlier session, on which this one builds.`,
      ),
    ],
  },
  feed: {
    'only after a clock was wrong': [
      'scheduled, feed.request: The run was set by a time that was wrong: it is set anew.',
    ],
    'a run is over before a request could come between': [
      'generating, feed.request: Someone wants what has changed since the run began: there will be another one.',
      'generating, feed.generated: The run has ended, and the feed was asked for meanwhile.',
    ],
    'only where documents cannot be read for a long time': [
      'generating, effect.failed: The run was given up, and the feed was asked for meanwhile.',
      'generating, effect.failed: The run was given up.',
    ],
  },
}

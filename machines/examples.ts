/**
 * Events of each machine, whole, in an order in which each counts: sent one after the other they lead through every
 * state. They have all fields that an event needs and none that it may lack; of a list the first element stands for all.
 */

/** On January 1, 2026, at 20:00 UTC. */
const AT = 1_767_297_600_000
const MINUTE = 60_000
const DAY = 86_400_000

const VIEWER_RULES = { gapMs: 5 * MINUTE, lateMs: 60 * MINUTE } as const
const VISITOR_RULES = { zone: 'UTC', inactivityMs: 30 * MINUTE } as const

const VIEWER = [
  {
    type: 'heartbeat',
    beat: { at: AT, path: '/live/show-7', stream: 'show-7', country: 'TW', groups: ['vip'] },
    show: { streamerId: 'sam', preset: 'sd' },
    arrival: AT + 120,
    frozen: [],
    rules: VIEWER_RULES,
  },
  { type: 'deadline', at: AT + 5 * MINUTE, rules: VIEWER_RULES },
] as const

/** Documents may know the visitor, so its first event asks for what they have of the day, and waits for it. */
const VISITOR = [
  {
    type: 'web-events',
    visitorId: 'ann',
    visits: [
      { id: 'e2', ts: AT, page: '/' },
      { id: 'e3', ts: AT + MINUTE, page: '/pricing', source: { source: 'newsletter', medium: 'email' } },
    ],
    arrival: AT + MINUTE + 120,
    rules: VISITOR_RULES,
    adopts: AT + DAY,
  },
  {
    type: 'visitor-day.found',
    visitorId: 'ann',
    day: '2026-01-01',
    visits: [{ id: 'e1', ts: AT - MINUTE, page: '/about' }],
    next: null,
    documents: { sessions: 1, chunks: 1 },
    first: '2026-01-01',
    since: 7,
    arrival: AT + 2 * MINUTE,
    rules: VISITOR_RULES,
  },
  { type: 'deadline', at: AT + 60 * MINUTE, rules: VISITOR_RULES },
  {
    type: 'visitor-day.recompute',
    visitorId: 'ann',
    day: '2026-01-01',
    arrival: AT + DAY,
    rules: { ...VISITOR_RULES, inactivityMs: MINUTE / 2 },
    adopts: AT + DAY,
  },
] as const

/** A session that documents knew from before has ended; another one begins, and goes live. */
const STREAMER_SESSION = [
  {
    type: 'session.known',
    id: 'k1',
    at: AT,
    session: {
      id: 'show-6',
      ordinal: 1,
      userId: 'sam',
      title: 'Yesterday',
      tags: ['country:tw'],
      pricing: { preset: 'sd', price: 10 },
      preset: 'sd',
      name: null,
      created: AT - DAY,
      started: AT - DAY + MINUTE,
      ended: AT - DAY + 60 * MINUTE,
      rating: { current: 0, currentCount: 0, previous: 0, previousCount: 0, ownSum: 0, ownCount: 0 },
      showGoalPairs: [],
      exclusiveGoalPairs: [],
      createdBy: 'x0',
      presetStamp: { at: AT - DAY + MINUTE, id: 'x1' },
      goalsStamp: { at: AT - DAY, id: 'x0' },
    },
  },
  {
    type: 'session.start',
    id: 'x2',
    at: AT,
    streamerId: 'sam',
    title: 'Tonight',
    device: null,
    userTags: ['country:tw', 'badge:livestream_gold'],
    price: 0,
    fresh: '6956d2c0a1b2c3d4e5f60718',
    sourceId: 'show-7',
  },
  { type: 'session.rating-found', id: 'x3', at: AT + 1_000, sessionId: 'show-7', rating: 4.5, count: 20 },
  { type: 'session.preset', id: 'x4', at: AT + MINUTE, sessionId: 'show-7', preset: 'sd', price: 10 },
  {
    type: 'session.goals',
    id: 'x5',
    at: AT + 2 * MINUTE,
    sessionId: 'show-7',
    showGoalPairs: [{ title: 'A song', price: 50 }],
    exclusiveGoalPairs: [{ title: 'A dedication', price: 200 }],
  },
  { type: 'session.rate', id: 'x6', at: AT + 3 * MINUTE, sessionId: 'show-7', rater: 'ann', score: 5 },
  { type: 'session.end', id: 'x7', at: AT + 60 * MINUTE, sessionId: 'show-7' },
] as const

/** Two runs, of which the second fails. */
const FEED = [
  { type: 'feed.request', feed: 'global', time: AT },
  { type: 'deadline', at: AT + 15_000 },
  { type: 'feed.generated', generation: 1, generatedAt: AT + 15_200, items: 12 },
  { type: 'feed.request', feed: 'global', time: AT + MINUTE },
  { type: 'deadline', at: AT + MINUTE + 15_000 },
  { type: 'effect.failed', generation: 2 },
] as const

/** By the machine's id. */
export const examples = {
  ...{ viewer: VIEWER, visitor: VISITOR },
  ...{ 'streamer-session': STREAMER_SESSION, feed: FEED },
} as const

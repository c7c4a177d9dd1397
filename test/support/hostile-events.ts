import type { Event } from '../../actors/event.ts'
import { NOON, tick } from './one-partition.ts'

const event = (kind: string, key: string, facts: object = {}): Event => ({
  ...{ kind, key, id: kind, at: NOON, arrival: NOON },
  ...facts,
})

export const beat = (key: string, facts: object = {}): Event =>
  event('heartbeat', key, {
    ...{ path: '/live/a', stream: 'a', country: 'TW', groups: ['g'], streamer: 'sam', preset: 'sd' },
    ...facts,
  })

const start = { fresh: 'f', sourceId: null, title: null, device: null, userTags: [], price: 1 }
const found = {
  day: '2026-01-01',
  visits: [],
  next: null,
  documents: { sessions: 0, chunks: 0 },
  first: null,
  since: 1,
}
const visit = { id: 'e', ts: NOON, page: '/', source: { source: 'x' } }

/** An event of each kind, as it ought to be. */
export const WHOLE: Event[] = [
  beat('ann'),
  event('web-event', 'v', { visit }),
  event('session.start', 'sam', start),
  event('session.preset', 'sam', { sessionId: 'f', preset: 'sd', price: 1 }),
  event('session.rate', 'sam', { sessionId: 'f', rater: 'x', score: 1 }),
  event('session.goals', 'sam', { sessionId: 'f', showGoalPairs: [], exclusiveGoalPairs: [] }),
  event('session.end', 'sam', { sessionId: 'f' }),
  event('session.known', 'sam', { document: { _id: 'x', userId: 'sam', active: true } }),
  event('session.rating-found', 'sam', { effect: 'streamer-session/sam:1:6', sessionId: 'f', rating: 3, count: 1 }),
  event('visitor-day.found', 'v', { effect: 'visitor/v:1:0', ...found }),
  event('feed.request', 'global'),
  event('feed.generated', 'global', { effect: 'feed/global:1:0', generation: 1, generatedAt: NOON, items: 1 }),
  event('parked.retry', 'ann', { actor: 'viewer/ann' }),
  event('effect.failed', 'global', { effect: 'feed/global:1:0', asked: { feed: 'global', generation: 1 } }),
  event('claim', '', { epoch: 1 }),
  tick(NOON, 1),
]

export const LONG = 'x'.repeat(10_240)
export const JUNK = [
  ...[undefined, null, 0, -1, 1e300, Number.NaN, '', 'x', '__proto__', {}, [], [null], { a: 1 }, true],
  ...[LONG, [LONG], { sessions: LONG, id: LONG }],
]

/** Each field of a whole event, and of the visit in it, with each kind of junk in its place. */
export function* spoilt(whole: Event): Generator<[name: string, Event]> {
  for (const field of Object.keys(whole).filter(field => field !== 'kind')) {
    for (const value of JUNK) yield [`${field}: ${JSON.stringify(value)?.slice(0, 50)}`, { ...whole, [field]: value }]
  }
  if (whole.kind !== 'web-event') return
  for (const field of ['id', 'ts', 'page', 'userId', 'referrer', 'source']) {
    for (const value of JUNK) {
      yield [
        `visit.${field}: ${JSON.stringify(value)?.slice(0, 50)}`,
        { ...whole, visit: { ...visit, [field]: value } },
      ]
    }
  }
}

import { expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { encode, entryOf } from '../src/log/entries.ts'
import { NOON, OnePartition, tick } from './support/one-partition.ts'

const event = (kind: string, key: string, facts: object = {}): Event => ({
  ...{ kind, key, id: kind, at: NOON, arrival: NOON },
  ...facts,
})
const beat = (key: string): Event =>
  event('heartbeat', key, { path: '/live/a', stream: 'a', country: 'TW', groups: ['g'], streamer: 'sam', preset: 'sd' })
const start = { fresh: 'f', sourceId: null, title: null, device: null, userTags: [], price: 1 }
const found = { day: '2026-01-01', visits: [], next: null, documents: {}, first: null, since: 1 }

const WHOLE: Event[] = [
  beat('ann'),
  event('web-event', 'v', { visit: { id: 'e', ts: NOON, page: '/', source: { source: 'x' } } }),
  event('session.start', 'sam', start),
  event('session.preset', 'sam', { sessionId: 'f', preset: 'sd', price: 1 }),
  event('session.rate', 'sam', { sessionId: 'f', rater: 'x', score: 1 }),
  event('session.goals', 'sam', { sessionId: 'f', showGoalPairs: [], exclusiveGoalPairs: [] }),
  event('session.end', 'sam', { sessionId: 'f' }),
  event('session.known', 'sam', { document: { _id: 'x', userId: 'sam', active: true } }),
  event('visitor-day.found', 'v', { effect: 'visitor/v:1:0', ...found }),
  event('parked.retry', 'ann', { actor: 'viewer/ann' }),
  event('effect.failed', 'v', { effect: 'visitor/v:1:0' }),
  event('claim', '', { epoch: 1 }),
  tick(NOON, 1),
]
const JUNK = [undefined, null, 0, -1, 1e300, Number.NaN, '', 'x', '__proto__', {}, [], [null], { a: 1 }, true]

test("a web-event whose time is not its visit's is of the day of its visit, which keeps what it had", async () => {
  const one = await OnePartition.claim()
  const visit = (id: string, ts: number, at: number): Event =>
    event('web-event', 'v', { id, at, arrival: ts, visit: { id, ts, page: '/' } })
  const DAY = 86_400_000
  await one.apply(visit('a', NOON, NOON), visit('b', NOON + DAY, NOON + DAY))
  await one.restart()
  await one.apply(visit('c', NOON + 1, NOON + 5 * DAY))
  const first = one.writes.filter(({ id }) => id === 'v-2026-01-01').at(-1)
  expect(first?.set).toMatchObject({ eventCount: 2 })
})

for (const whole of WHOLE) {
  const fields = Object.keys(whole).filter(field => field !== 'kind')
  test(`a ${whole.kind} put into the log with any of its facts wrong keeps nobody but its actor from going on`, async () => {
    for (const [field, value] of fields.flatMap(field => JUNK.map(value => [field, value] as const))) {
      const one = await OnePartition.claim()
      const wrong = { ...whole, [field]: value } as Event
      const name = `${field}: ${JSON.stringify(value)}`
      // A key that is no text names no record of a store: the log passes such an event over.
      const taken = field === 'key' ? entryOf(0, encode([wrong])).events : [wrong]
      const all = [...WHOLE.slice(0, 3), ...taken, tick(NOON + 1e9, 1), beat('bob')]
      await one.apply(...all).catch(cause => {
        throw new Error(name, { cause })
      })
      await one.restart()
      expect(await one.view('viewer', 'bob'), name).toBeDefined()
    }
  })
}

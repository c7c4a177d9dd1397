import { beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { NOON, OnePartition } from './support/one-partition.ts'

let one: OnePartition
let at: number
beforeEach(async () => {
  one = await OnePartition.claim()
  at = NOON
})

const event = (kind: string, facts: object): Event => {
  at += 1_000
  return { kind, key: 'sam', id: `e${at}`, at, arrival: at, ...facts }
}
const start = (userTags: string[] = [], title: string | null = null): Event =>
  event('session.start', { fresh: `s${at}`, sourceId: null, title, device: null, userTags, price: 5 })
const id = `s${NOON}`
const preset = (preset: string): Event => event('session.preset', { sessionId: id, preset, price: 9 })
const rate = (rater: string, score: number): Event => event('session.rate', { sessionId: id, rater, score })
const goals = (...showGoalPairs: object[]): Event =>
  event('session.goals', { sessionId: id, showGoalPairs, exclusiveGoalPairs: [] })
const end = (sessionId = id): Event => event('session.end', { sessionId })

/** What is asked for from here on, by kind. */
async function asked(...events: Event[]) {
  const before = one.effects.length
  await one.apply(...events)
  return one.effects.slice(before).map(({ kind, payload }) => [kind, payload] as const)
}
const kinds = async (...events: Event[]) => (await asked(...events)).map(([kind]) => kind)

const AT_EVERY_START = [
  'session.started',
  'generate_livestream_feed',
  'notify_viewers_livestream_online',
  'notify_existing_show_goal',
  'invalidate_cached_pusher_channel_data',
  'cleanup_stale_stream_viewers',
]

describe('a session', () => {
  test('that starts is announced to all receivers', async () => {
    expect(await kinds(start())).toEqual([
      ...AT_EVERY_START,
      'notify_followers_livestream_online',
      'initialize_session_rating',
    ])
  })

  test('that is there already is announced again, but not to the followers', async () => {
    await one.apply(start())
    expect(await kinds(start())).toEqual(AT_EVERY_START)
  })

  test('is announced with its ids, preset, price, goals and tags', async () => {
    await one.apply(start(['country:tw', 'vip']), preset('sd'), goals({ title: 'song', price: 3 }))
    const [[, started]] = (await asked(start())) as [readonly [string, object]]
    expect(started).toEqual({
      ...{ sessionId: id, streamerId: 'sam', preset: 'sd', price: 9 },
      ...{ showGoalPairs: [{ title: 'song', price: 3 }], tags: ['country:tw'] },
    })
  })

  test('tells the viewers its preset and its goals, the followers its title', async () => {
    const told = new Map(await asked(start([], 'Hello')))
    const ids = { sessionId: id, streamerId: 'sam' }
    expect(told.get('notify_viewers_livestream_online')).toEqual({ ...ids, preset: 'preview' })
    expect(told.get('notify_followers_livestream_online')).toEqual({ ...ids, title: 'Hello' })
    expect(told.get('notify_existing_show_goal')).toEqual({ ...ids, showGoalPairs: [] })
  })

  test('that changes its preset, either way, tells the viewers and the feeds', async () => {
    await one.apply(start(['country:tw']))
    for (const to of ['sd', 'preview']) {
      expect(await asked(preset(to))).toEqual([
        ['notify_viewers_livestream_online', { sessionId: id, streamerId: 'sam', preset: to }],
        ['generate_livestream_feed', { sessionId: id, streamerId: 'sam', tags: ['country:tw'] }],
      ])
    }
  })

  test('that is set to the preset it has tells nobody', async () => {
    await one.apply(start())
    expect(await kinds(preset('preview'))).toEqual([])
  })

  test('that ends leaves the feeds', async () => {
    await one.apply(start())
    expect(await kinds(end())).toEqual(['session.ended', 'generate_livestream_feed'])
  })

  test('of a streamer who had one before brings its rating along, and looks for no other', async () => {
    await one.apply(start(), preset('sd'), rate('r', 4), end())
    const told = await asked(start())
    expect(told.map(([kind]) => kind)).toEqual([
      ...AT_EVERY_START,
      'notify_followers_livestream_online',
      'rating.updated',
    ])
    expect(told.at(-1)![1]).toMatchObject({ rating: { current: 4, currentCount: 1, previous: 4, previousCount: 1 } })
  })

  test('has the name of the first livestream badge of its streamer, at the latest start', async () => {
    const name = async () =>
      ((await one.view('streamer-session', 'sam')).context.session as { name: string | null }).name
    const names = [
      start(['badge:new', 'badge:livestream_b', 'badge:livestream_a']),
      start(['badge:livestream_a']),
      start(),
    ]
    const seen = []
    for (const each of names) {
      await one.apply(each)
      seen.push(await name())
    }
    expect(seen).toEqual(['badge:livestream_b', 'badge:livestream_a', null])
  })
})

describe('a rating that an earlier session left', () => {
  const found = (facts: object): Event => {
    const effect = one.effects.find(({ kind }) => kind === 'initialize_session_rating')!.id
    return { ...event('session.rating-found', facts), id: effect, effect }
  }
  const shown = () =>
    one.writes.filter(({ collection }) => collection === 'sessions').at(-1)!.set as { rating: object; seq?: number }

  test('lies under those given since, and is announced', async () => {
    await one.apply(start(), rate('r', 1))
    expect(await kinds(found({ sessionId: id, rating: 4, count: 2 }))).toEqual(['rating.updated'])
    expect(shown().rating).toEqual({ current: 3, currentCount: 3, previous: 4, previousCount: 2 })
  })

  test('goes on to the next session where this one never went live', async () => {
    await one.apply(start())
    await one.apply(found({ sessionId: id, rating: 4.5, count: 100 }))
    await one.apply(end(), start())
    expect(shown().rating).toMatchObject({ previous: 4.5, previousCount: 100 })
  })

  test('comes too late for a session that is another by now', async () => {
    await one.apply(start(), end(), start())
    expect(await kinds(found({ sessionId: id, rating: 4, count: 2 }))).toEqual([])
  })
})

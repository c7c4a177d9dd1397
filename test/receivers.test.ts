import { describe, expect, test } from 'vitest'
import { receivers } from '../src/receivers/table.ts'
import { NOON } from './support/one-partition.ts'
import { effect, progress, world } from './support/world.ts'

const DAY = 86_400_000

/** Performs one effect in a world. */
const perform = (made: ReturnType<typeof world>, kind: string, payload: Record<string, unknown> = {}) =>
  receivers(made.world)(kind).perform(effect(kind, { tags: [], ...payload }), progress())

describe('generate_livestream_feed', () => {
  const asked = async (user: Record<string, unknown> | null) => {
    const made = world()
    if (user) await made.put('users', 'sam', user)
    await perform(made, 'generate_livestream_feed')
    return made.appended.map(({ kind, key }) => `${kind} ${key}`)
  }
  const GLOBAL = ['feed.request global', 'feed.request global-filtered']

  test('asks for the global feed and those of the regions of a country tag', async () => {
    expect(await asked({ tags: ['badge:new', 'country:jp'] })).toEqual([
      ...GLOBAL,
      'feed.request asia',
      'feed.request asia-filtered',
    ])
  })

  test('asks for those of the session as it began, which have to let go of who moved', async () => {
    const made = world()
    await made.put('users', 'sam', { tags: ['country:de'] })
    await perform(made, 'generate_livestream_feed', { tags: ['country:tw'] })
    expect(made.appended.map(({ key }) => key)).toContain('asia')
  })

  test("asks for those of the profile's country likewise, in capitals or not", async () => {
    expect(await asked({ country: 'TW', tags: [] })).toContain('feed.request asia')
  })

  test('asks for the global feed alone where no region has the country, or nobody knows it', async () => {
    expect([await asked({ country: 'DE' }), await asked(null)]).toEqual([GLOBAL, GLOBAL])
  })
})

describe('initialize_session_rating', () => {
  const session = (started: string | null, current: number, currentCount = 3) => ({
    ...{ userId: 'sam', statuses: started === null ? {} : { started }, rating: { current, currentCount } },
  })

  test('finds the rating of the latest earlier session that was started and has one', async () => {
    const made = world()
    await made.put('sessions', 's1', session('2026-01-09', 1))
    await made.put('sessions', 'never started', session(null, 2))
    await made.put('sessions', 'not rated', session('2026-01-08', 0, 0))
    await made.put('sessions', 'latest', session('2026-01-07', 4, 8))
    await made.put('sessions', 'earlier', session('2026-01-06', 5))
    await made.put('sessions', "another's", { ...session('2026-01-08', 5), userId: 'ann' })
    const { answer } = await perform(made, 'initialize_session_rating')
    expect(answer).toEqual({ kind: 'session.rating-found', sessionId: 's1', rating: 4, count: 8 })
  })

  test('answers nothing where there is none', async () => {
    expect(await perform(world(), 'initialize_session_rating')).toEqual({ outcome: 'done' })
  })
})

describe('notify_viewers_livestream_online', () => {
  test("sends the preset on the session's channel, with the id of the effect", async () => {
    const made = world()
    const { outcome } = await perform(made, 'notify_viewers_livestream_online', { preset: 'sd' })
    const { id } = effect('notify_viewers_livestream_online', {})
    const data = { id, sessionId: 's1', streamerId: 'sam', preset: 'sd' }
    expect(made.events).toEqual([{ channel: 'presence-session@s1', name: 'stream.preset.sd', data }])
    expect(outcome).toBe('sent')
  })
})

describe('notify_existing_show_goal', () => {
  test("sends the goals on the session's channel", async () => {
    const made = world()
    await perform(made, 'notify_existing_show_goal', { showGoalPairs: [{ title: 'song', price: 3 }] })
    expect(made.events).toMatchObject([
      { channel: 'presence-session@s1', name: 'stream.show-goals', data: { showGoalPairs: [{ title: 'song' }] } },
    ])
  })

  test('sends nothing without goals', async () => {
    const made = world()
    await perform(made, 'notify_existing_show_goal', { showGoalPairs: [] })
    expect(made.events).toEqual([])
  })
})

describe('invalidate_cached_pusher_channel_data', () => {
  test("renews the streamer's channels", async () => {
    const made = world()
    await perform(made, 'invalidate_cached_pusher_channel_data')
    expect(made.renewed).toEqual(['sam'])
  })
})

describe('cleanup_stale_stream_viewers', () => {
  test('removes those who were last there more than three days ago, of this streamer', async () => {
    const made = world()
    const seen = (streamerId: string, userId: string, lastAt: number) => {
      const at = `${streamerId}\n${String(lastAt).padStart(16, '0')}`
      return made.put('stream-viewers', `${streamerId} ${userId}`, {
        streamerId,
        preset: 'sd',
        userId,
        lastAt,
        seen: at,
      })
    }
    await seen('sam', 'just', NOON - 3 * DAY)
    await seen('sam', 'stale', NOON - 3 * DAY - 1)
    await seen('ann', 'stale', NOON - 9 * DAY)
    const { detail } = await perform(made, 'cleanup_stale_stream_viewers')
    const left = await made.documents.find('stream-viewers', {})
    expect([left.map(({ _id }) => _id).sort(), detail]).toEqual([['ann stale', 'sam just'], { removed: 1 }])
  })
})

describe('feed.generate', () => {
  test('answers what the run found', async () => {
    const { answer } = await perform(world(), 'feed.generate', { feed: 'asia', generation: 4 })
    expect(answer).toEqual({ kind: 'feed.generated', generation: 4, generatedAt: NOON, items: 7 })
  })
})

describe('rating.updated', () => {
  test("is recorded, and shown on the session's channel as a gauge", async () => {
    const made = world()
    const { outcome } = await perform(made, 'rating.updated', { rating: { current: 4 } })
    expect(made.events).toEqual([
      { channel: 'presence-session@s1', name: 'rating.updated', data: { sessionId: 's1', rating: { current: 4 } } },
    ])
    expect(outcome).toBe('recorded')
  })
})

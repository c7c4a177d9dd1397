import { beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { NOON, OnePartition } from './support/one-partition.ts'

const start = (at: number): Event => ({
  ...{ kind: 'session.start', key: 'sam', id: `e${at}`, at, arrival: at, fresh: `s${at}`, sourceId: null },
  ...{ title: null, device: null, userTags: [], price: 0 },
})

let one: OnePartition
beforeEach(async () => {
  one = await OnePartition.claim()
  await one.apply(start(NOON))
})

const idOf = (kind: string): string => one.effects.find(effect => effect.kind === kind)!.id
const about = (effect: string, kind: string, more: object = {}): Event => ({
  ...{ kind, key: 'sam', id: effect, effect, at: NOON, arrival: NOON, ...more },
})
const failed = (effect: string): Event => about(effect, 'effect.failed', { error: 'no answer', code: 'RC_X' })
const found = (effect: string, rating: number): Event =>
  about(effect, 'session.rating-found', { sessionId: `s${NOON}`, rating, count: 10 })
const held = (id: string) => one.partition.outbox.list().find(effect => effect.id === id)
const rating = async () => ((await one.view('streamer-session', 'sam')).context.session as { rating: object }).rating
const told = (id: string): number => one.effects.filter(effect => effect.id === id).length

describe('an effect', () => {
  test('that was given up is parked, with why, also after a restart', async () => {
    const id = idOf('notify_viewers_livestream_online')
    await one.apply(failed(id))
    await one.restart()
    expect(held(id)).toMatchObject({ state: 'parked', error: 'no answer', code: 'RC_X' })
  })

  test('that is parked is not performed after a restart, while the others are', async () => {
    const id = idOf('notify_viewers_livestream_online')
    await one.apply(failed(id))
    await one.restart()
    const kinds = one.partition.outbox.takeFresh().map(({ kind }) => kind)
    expect(kinds).not.toContain('notify_viewers_livestream_online')
    expect(kinds).toContain('session.started')
  })

  test('that is parked is performed again by a retry, with the same id', async () => {
    const id = idOf('notify_viewers_livestream_online')
    await one.apply(failed(id), about(id, 'effect.retry'))
    expect([held(id)?.state, told(id)]).toEqual(['waiting', 2])
  })

  test('that waits is not performed twice by a retry', async () => {
    const id = idOf('notify_viewers_livestream_online')
    await one.apply(about(id, 'effect.retry'))
    expect(told(id)).toBe(1)
  })

  test('that is parked is gone by a drop, and its document says so', async () => {
    const id = idOf('notify_viewers_livestream_online')
    await one.apply(failed(id), about(id, 'effect.drop'))
    expect(held(id)).toBeUndefined()
    expect(one.writes.filter(write => write.id === id)).toMatchObject([
      { collection: 'effects', set: { state: 'dropped' } },
    ])
  })

  test('that waits is not gone by a drop', async () => {
    const id = idOf('notify_viewers_livestream_online')
    await one.apply(about(id, 'effect.drop'))
    expect(held(id)?.state).toBe('waiting')
  })

  test('that was answered is gone', async () => {
    const id = idOf('initialize_session_rating')
    await one.apply(found(id, 4))
    expect(held(id)).toBeUndefined()
  })

  test('counts by its first answer', async () => {
    const id = idOf('initialize_session_rating')
    await one.apply(found(id, 4))
    await one.restart()
    await one.apply(found(id, 2))
    expect(await rating()).toMatchObject({ current: 4, previous: 4, previousCount: 10 })
  })

  test('that nobody asked for has no answer', async () => {
    await one.apply(found('streamer-session/sam:9:9', 4))
    expect(await rating()).toMatchObject({ current: 0, previousCount: 0 })
  })

  test('that is given up twice keeps its first reason', async () => {
    const id = idOf('notify_viewers_livestream_online')
    await one.apply(failed(id), { ...failed(id), error: 'another' })
    expect(held(id)).toMatchObject({ error: 'no answer' })
  })

  test('that is parked as one of more than a thousand is dropped, those of longest ago first', async () => {
    const starts = Array.from({ length: 1_001 }, (_, n) => start(NOON + 1 + n))
    await one.apply(...starts)
    const ids = one.effects.filter(({ kind }) => kind === 'notify_viewers_livestream_online').map(({ id }) => id)
    await one.apply(...ids.slice(500).map(failed))
    await one.restart()
    await one.apply(...ids.slice(0, 500).map(failed))
    const parked = one.partition.outbox.list().filter(({ state }) => state === 'parked')
    expect(parked.map(({ id }) => id).sort()).toEqual(ids.slice(2).sort())
    const dropped = one.writes.filter(({ set }) => set?.state === 'dropped').map(({ id }) => id)
    expect(dropped).toEqual(ids.slice(0, 2))
  })
})

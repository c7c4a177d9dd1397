import { beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { MINUTE, NOON, OnePartition, tick } from './support/one-partition.ts'

const SECOND = 1_000
const request = (at: number): Event => ({ kind: 'feed.request', key: 'asia', id: `r${at}`, at, arrival: at })

let one: OnePartition
beforeEach(async () => {
  one = await OnePartition.claim()
})

const runs = () => one.effects.filter(({ kind }) => kind === 'feed.generate')
const generated = (at: number, n?: number) => (): Event => {
  const { id, payload } = runs().at((n ?? 0) - 1)!
  const facts = { generation: payload.generation, generatedAt: at, items: 3 }
  return { kind: 'feed.generated', key: 'asia', id, effect: id, at, arrival: at, ...facts }
}
const failed = (at: number) => (): Event => {
  const { id, payload } = runs().at(-1)!
  return { kind: 'effect.failed', key: 'asia', id, effect: id, at, arrival: at, error: 'no', code: 'X', asked: payload }
}
const state = async () => (await one.view('feed', 'asia')).value
const deadline = async () => (await one.view('feed', 'asia')).context.deadline

describe('a feed', () => {
  test('runs 15 s after it was first asked for, however often it is asked for meanwhile', async () => {
    await one.apply(request(NOON), request(NOON + 5 * SECOND), tick(NOON + 15 * SECOND - 1))
    expect(await state()).toBe('scheduled')
    await one.apply(tick(NOON + 15 * SECOND))
    expect(runs().map(({ payload }) => payload)).toEqual([{ feed: 'asia', generation: 1 }])
  })

  test('counts the 15 s in the time of its partition', async () => {
    await one.apply(tick(NOON + MINUTE), request(NOON))
    expect(await deadline()).toBe(NOON + MINUTE + 15 * SECOND)
  })

  test('runs once a minute', async () => {
    await one.apply(request(NOON), tick(NOON + 15 * SECOND), generated(NOON + 16 * SECOND), request(NOON + 17 * SECOND))
    expect(await deadline()).toBe(NOON + MINUTE)
  })

  test('in the next minute runs 15 s after the request again', async () => {
    await one.apply(request(NOON), tick(NOON + 15 * SECOND), generated(NOON + 16 * SECOND), request(NOON + 50 * SECOND))
    expect(await deadline()).toBe(NOON + 65 * SECOND)
  })

  test('that is asked for while it runs runs again afterwards', async () => {
    await one.apply(request(NOON), tick(NOON + 15 * SECOND), request(NOON + 16 * SECOND), request(NOON + 20 * SECOND))
    expect(await state()).toBe('generating')
    await one.apply(generated(NOON + 70 * SECOND))
    expect([await state(), await deadline()]).toEqual(['scheduled', NOON + MINUTE])
  })

  test('says that it was updated, once', async () => {
    await one.apply(request(NOON), tick(NOON + 15 * SECOND))
    await one.apply(generated(NOON + 16 * SECOND), generated(NOON + 17 * SECOND))
    const updates = one.effects.filter(({ kind }) => kind === 'feed.updated').map(({ payload }) => payload)
    const aliases = ['user_livestream-asia', 'user_livestream_most_recent-asia']
    expect(updates).toEqual([{ feed: 'asia', aliases, generation: 1, generatedAt: NOON + 16 * SECOND, items: 3 }])
    expect(await state()).toBe('idle')
  })

  test('is idle when its run was given up', async () => {
    await one.apply(request(NOON), tick(NOON + 15 * SECOND), failed(NOON + MINUTE))
    expect(await state()).toBe('idle')
  })

  test('runs again when its run was given up and it was asked for meanwhile', async () => {
    await one.apply(request(NOON), tick(NOON + 15 * SECOND), request(NOON + 20 * SECOND), failed(NOON + 30 * SECOND))
    expect([await state(), await deadline()]).toEqual(['scheduled', NOON + MINUTE])
  })

  test('heeds no end of a run before the present one', async () => {
    await one.apply(request(NOON), tick(NOON + 15 * SECOND), failed(NOON + 20 * SECOND))
    await one.apply(request(NOON + 2 * MINUTE), tick(NOON + 3 * MINUTE), generated(NOON + 4 * MINUTE, 1))
    expect([await state(), one.said.includes('feed.updated')]).toEqual(['generating', false])
  })

  test('runs at its time after a restart too', async () => {
    await one.apply(request(NOON))
    await one.restart()
    await one.apply(tick(NOON + 15 * SECOND))
    expect(runs()).toHaveLength(1)
  })
})

import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { memoryLiveSets } from '../src/audience/memory.ts'
import { NOON } from './support/one-partition.ts'
import { ManualTime } from './support/time.ts'

const MINUTE = 60_000

/** Live sets of which the partition is whole. */
async function whole(time: ManualTime) {
  const live = memoryLiveSets(time)
  await live.rebuild(0, [])
  const published = (...present: { userId: string; at: number; stream: string | null }[]) =>
    live.publish(0, present, [])
  return { live, published }
}

/** How many of them nobody has let go. */
async function stillHeld(held: WeakRef<object>[]): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // The target of a WeakRef is there until the turn ends in which it was made.
  await nextTurn()
  collect()
  return held.filter(each => each.deref() !== undefined).length
}

test('a viewer is shown as it is when somebody asks, not as it was when it was published', async () => {
  const { live, published } = await whole(new ManualTime(NOON))
  const viewer = { userId: 'a', at: NOON, stream: 's' }
  await published(viewer)
  viewer.at = NOON + MINUTE
  expect(await live.alive(NOON + 1)).toEqual(['a'])
  expect(await live.alive(NOON + 1, 's')).toEqual(['a'])
})

test('of a viewer who left memory and came back the newest counts, in whichever order they were published', async () => {
  const [former, latest] = [
    { userId: 'a', at: NOON, stream: 's' },
    { userId: 'a', at: NOON + 1, stream: 't' },
  ]
  for (const order of [
    [former!, latest!],
    [latest!, former!],
  ]) {
    const { live, published } = await whole(new ManualTime(NOON))
    for (const each of order) await published(each)
    expect([await live.alive(NOON), await live.alive(NOON, 's'), await live.alive(NOON, 't')]).toEqual([
      ['a'],
      [],
      ['a'],
    ])
  }
})

test('viewers who leave memory and come back again and again are held twice at most', async () => {
  const { live, published } = await whole(new ManualTime(NOON))
  const held: WeakRef<object>[] = []
  for (let round = 0; round < 20; round++) {
    const all = Array.from({ length: 1_000 }, (_, n) => ({ userId: `${n}`, at: NOON + round, stream: 's' }))
    for (const each of all) held.push(new WeakRef(each))
    await published(...all)
  }
  expect(await stillHeld(held)).toBeLessThanOrEqual(2_000)
  expect(await live.alive(NOON, 's')).toHaveLength(1_000)
})

test('viewers who come back again and again are held twice at most, also after many others are gone', async () => {
  const time = new ManualTime(NOON)
  const { live, published } = await whole(time)
  const come = (viewers: number) =>
    published(...Array.from({ length: viewers }, (_, n) => ({ userId: `${n}`, at: time.now(), stream: 's' })))
  await come(8_000)
  await time.advance(2 * MINUTE)
  await come(1_000)
  const held: WeakRef<object>[] = []
  for (let round = 0; round < 10; round++) {
    const all = Array.from({ length: 1_000 }, (_, n) => ({ userId: `${n}`, at: time.now(), stream: 's' }))
    for (const each of all) held.push(new WeakRef(each))
    await published(...all)
  }
  expect(await stillHeld(held)).toBeLessThanOrEqual(2_000)
  expect(await live.alive(time.now(), 's')).toHaveLength(1_000)
})

test('who was not heard for long is no longer held', async () => {
  const time = new ManualTime(NOON)
  const { live, published } = await whole(time)
  await published({ userId: 'a', at: NOON, stream: null })
  await time.advance(2 * MINUTE)
  await published({ userId: 'b', at: NOON + 2 * MINUTE, stream: null })
  expect(await live.alive(NOON - MINUTE)).toEqual(['b'])
})

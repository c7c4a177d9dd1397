import { describe, expect, test } from 'vitest'
import { BEAT_MS, planEvening } from '../src/cli/evening/evening.ts'
import type { PlannedStream } from '../src/cli/evening/streams.ts'

const SEED = Number(process.env.ROLLCALL_TEST_SEED ?? Math.floor(Math.random() * 1_000_000))
const slots = [
  ...planEvening({ viewers: 1_000, streamers: 5, minutes: 30, seed: SEED, end: 1_700_000_000_000 }).slots(),
]

const ratings = slots.flatMap(({ ratings }) => ratings)
const follows = slots.flatMap(({ follows }) => follows)
const earnings = slots.flatMap(({ earnings }) => earnings)

interface Watched {
  slot: number
  userId: string
  stream: PlannedStream
}

const watched: Watched[] = slots.flatMap(({ beats }, slot) =>
  beats.flatMap(({ viewer, page }) => (typeof page === 'string' ? [] : [{ slot, userId: viewer.id, stream: page }])),
)
const ofViewer = Map.groupBy(watched, ({ userId }) => userId)

/** From beat to beat on the stream, up to the slot and with it. */
function msOn(stream: PlannedStream, { userId, slot }: { userId: string; slot: number }): number {
  const beats = new Set(
    ofViewer
      .get(userId)!
      .filter(each => each.stream === stream)
      .map(({ slot }) => slot),
  )
  return [...beats].filter(each => each <= slot && beats.has(each - 1)).length * BEAT_MS
}

describe(`the audience of an evening (ROLLCALL_TEST_SEED=${SEED})`, () => {
  test('watches streams that are on', () => {
    const off = watched.filter(({ slot, stream }) => slot < stream.from || slot >= stream.until)
    expect(off).toEqual([])
  })

  test('watches every stream', () => expect(new Set(watched.map(({ stream }) => stream)).size).toBe(7))

  test('rates with 1 to 5', () => {
    expect([...new Set(ratings.map(({ score }) => score))].sort()).toEqual([1, 2, 3, 4, 5])
  })

  test('rates a stream once at most', () => {
    const pairs = ratings.map(({ userId, stream }) => `${userId} ${stream.streamer.id} ${stream.from}`)
    expect(new Set(pairs).size).toBe(pairs.length)
  })

  test('rates what it watched for five minutes', () => {
    expect(ratings.filter(rating => msOn(rating.stream, rating) < 300_000)).toEqual([])
  })

  test('rates only streams that are on', () => {
    expect(ratings.filter(({ slot, stream }) => slot < stream.from || slot >= stream.until)).toEqual([])
  })

  test('follows streamers it has watched', () => {
    const unseen = follows.filter(
      ({ userId, streamer, slot }) =>
        !ofViewer.get(userId)!.some(each => each.stream.streamer.id === streamer && each.slot <= slot),
    )
    expect(unseen).toEqual([])
  })

  test('follows a streamer once at most', () => {
    expect(new Set(follows.map(({ userId, streamer }) => `${userId} ${streamer}`)).size).toBe(follows.length)
  })

  test('follows and tips, but not everyone', () => {
    const pairs = new Set(watched.map(({ userId, stream }) => `${userId} ${stream.streamer.id}`)).size
    const some = (count: number) => count > 0 && count < pairs / 2
    expect([some(follows.length), some(earnings.length)]).toEqual([true, true])
  })

  test('tips streamers while it watches them', () => {
    const elsewhere = earnings.filter(
      ({ id, streamer, slot }) =>
        !ofViewer
          .get(/viewer-\d+/.exec(id)![0])!
          .some(each => each.slot === slot && each.stream.streamer.id === streamer),
    )
    expect(elsewhere).toEqual([])
  })

  test('tips each time under another id', () => {
    expect(new Set(earnings.map(({ id }) => id)).size).toBe(earnings.length)
  })

  test('tips under other ids with another seed', () => {
    const others = planEvening({ viewers: 1_000, streamers: 5, minutes: 30, seed: SEED + 1, end: 1_700_000_000_000 })
    const ids = new Set(earnings.map(({ id }) => id))
    const same = [...others.slots()].flatMap(({ earnings }) => earnings).filter(({ id }) => ids.has(id))
    expect(same).toEqual([])
  })
})

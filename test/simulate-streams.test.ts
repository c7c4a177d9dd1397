import { describe, expect, test } from 'vitest'
import { type Evening, planEvening, type Slot } from '../src/cli/evening/evening.ts'
import type { PlannedStream } from '../src/cli/evening/streams.ts'

const SEED = Number(process.env.ROLLCALL_TEST_SEED ?? Math.floor(Math.random() * 1_000_000))
const SLOTS = 60

const plan = (streamers: number, minutes = 30): Evening =>
  planEvening({ viewers: 0, streamers, minutes, seed: SEED, end: 1_700_000_000_000 })
const streamsOf = (...options: Parameters<typeof plan>): PlannedStream[] => plan(...options).streams
const byStreamer = (streams: PlannedStream[]): PlannedStream[][] => [
  ...Map.groupBy(streams, ({ streamer }) => streamer.id).values(),
]
const slotsWith = (evening: Evening, has: (slot: Slot) => PlannedStream[]): [PlannedStream, number][] =>
  [...evening.slots()].flatMap((slot, n) => has(slot).map((stream): [PlannedStream, number] => [stream, n]))

describe(`the streams of an evening (ROLLCALL_TEST_SEED=${SEED})`, () => {
  test.each([
    [0, 0],
    [1, 1],
    [2, 1],
    [3, 2],
    [5, 3],
    [40, 20],
  ])('of %i streamers are live at the end: %i', (streamers, live) => {
    expect(streamsOf(streamers).filter(({ ends }) => !ends)).toHaveLength(live)
  })

  test('are of every streamer', () => expect(byStreamer(streamsOf(40))).toHaveLength(40))

  test('are two of some streamers, after a break', () => {
    const breaks = byStreamer(streamsOf(40)).flatMap(([first, second]) => (second ? [second.from - first!.until] : []))
    expect([breaks.length, Math.min(...breaks) > 0]).toEqual([13, true])
  })

  test.each([1, 2, 5, 30, 240])('are one at a time of a streamer, in an evening of %i minutes', minutes => {
    const overlapping = byStreamer(streamsOf(40, minutes)).filter(
      ([first, second]) => second && second.from < first!.until,
    )
    expect(overlapping).toEqual([])
  })

  test.each([1, 2, 5, 30, 240])('are on for some time within an evening of %i minutes', minutes => {
    const outside = streamsOf(40, minutes).filter(
      ({ from, until }) => !(0 <= from && from < until && until <= 2 * minutes),
    )
    expect(outside).toEqual([])
  })

  test('never are all off', () => {
    const streams = streamsOf(5)
    const dark = Array.from({ length: SLOTS }, (_, slot) => slot).filter(
      slot => !streams.some(({ from, until }) => from <= slot && slot < until),
    )
    expect(dark).toEqual([])
  })

  test('begin and end in their slots', () => {
    const evening = plan(40)
    const starts = slotsWith(evening, ({ starts }) => starts).map(([stream, slot]) => slot - stream.from)
    const ends = slotsWith(evening, ({ ends }) => ends).map(([stream, slot]) => slot - stream.until)
    expect([new Set(starts), new Set(ends)]).toEqual([new Set([0]), new Set([0])])
  })

  test('end where they end before the evening, and only there', () => {
    const evening = plan(40)
    const ended = slotsWith(evening, ({ ends }) => ends).map(([stream]) => stream)
    expect(new Set(ended)).toEqual(new Set(evening.streams.filter(({ until }) => until < SLOTS)))
  })

  test('leave preview within two minutes', () => {
    const left = slotsWith(plan(40), ({ sd }) => sd).map(([stream, slot]) => slot - stream.from)
    expect([Math.min(...left) > 0, Math.max(...left) <= 4]).toEqual([true, true])
  })

  test('stay in preview with a few streamers', () => {
    const shy = byStreamer(streamsOf(40)).filter(streams => streams.every(({ sd }) => sd === null))
    expect(shy).toHaveLength(8)
  })

  test.each([1, 30])('change only while they are on, in an evening of %i minutes', minutes => {
    const changes = slotsWith(plan(40, minutes), ({ sd, goals }) => [...sd, ...goals])
    expect(changes.filter(([{ from, until }, slot]) => slot < from || slot >= until)).toEqual([])
  })

  test('have goals with some streamers, with others none', () => {
    const withGoals = streamsOf(40).filter(({ goals }) => goals !== null && goals.showGoalPairs.length > 0)
    expect([withGoals.length > 0, withGoals.length < 40]).toEqual([true, true])
  })
})

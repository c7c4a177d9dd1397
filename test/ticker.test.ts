import { beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import type { EventLog } from '../src/log/index.ts'
import type { Clock } from '../src/partition/clock.ts'
import type { Partition } from '../src/partition/partition.ts'
import { Ticker } from '../src/partition/ticker.ts'
import { Wheel } from '../src/partition/wheel.ts'
import { NOON } from './support/one-partition.ts'
import { ManualTime, toldFaults } from './support/time.ts'

let time: ManualTime
let wheel: Wheel
let clock: Clock
let faults: ReturnType<typeof toldFaults>
let ticks: number[]
let refusals: number
let inFlight: () => Promise<void>
let ticker: Ticker

beforeEach(() => {
  time = new ManualTime(NOON)
  wheel = new Wheel()
  faults = toldFaults()
  ticks = []
  refusals = 0
  inFlight = async () => {}
  const log = {
    async append(_partition: number, [tick]: [Event]) {
      await inFlight()
      if (refusals-- > 0) throw new Error('no log')
      ticks.push(tick.at - NOON)
      return 1
    },
  } as Partial<EventLog> as EventLog
  clock = { time: NOON, epoch: 7, ahead: [], adopts: null }
  const partition = { wheel, clock, claim: { partition: 3, epoch: 7 } } as Partial<Partition> as Partition
  ticker = new Ticker({ partition, log, time, faults })
})

describe('a partition with a deadline ahead', () => {
  test('has a tick in its log when that is due', async () => {
    wheel.set('a', NOON + 5_000)
    ticker.arm()
    await time.advance(4_999)
    expect(ticks).toEqual([])
    await time.advance(1)
    expect(ticks).toEqual([5_000])
  })

  test('has the tick earlier when an earlier deadline comes', async () => {
    wheel.set('a', NOON + 5_000)
    ticker.arm()
    wheel.set('b', NOON + 2_000)
    ticker.arm()
    await time.advance(6_000)
    expect(ticks).toEqual([2_000])
  })

  test('has no two ticks within a second', async () => {
    wheel.set('a', NOON)
    ticker.arm()
    await time.advance(0)
    ticker.arm()
    await time.advance(999)
    expect(ticks).toEqual([0])
    await time.advance(1)
    expect(ticks).toEqual([0, 1_000])
  })

  test('has its tick a second later when the log could not take it, and says so', async () => {
    refusals = 1
    wheel.set('a', NOON)
    ticker.arm()
    await time.advance(1_000)
    expect([ticks, faults.all.map(([step]) => step)]).toEqual([[1_000], ['tick']])
  })

  test('has none before all deadlines are known', async () => {
    wheel.begin()
    wheel.restore('a', NOON)
    ticker.arm()
    await time.advance(7_200_000)
    expect(ticks).toEqual([])
    wheel.end()
    ticker.arm()
    await time.advance(0)
    expect(ticks).toEqual([7_200_000])
  })

  test('has none once it is stopped', async () => {
    wheel.set('a', NOON + 10)
    ticker.arm()
    ticker.stop()
    wheel.set('b', NOON + 1)
    ticker.arm()
    await time.advance(10_000)
    expect(ticks).toEqual([])
  })

  test('says nothing of a tick that the log did not take because the end came between', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    inFlight = () => promise
    refusals = 1
    wheel.set('a', NOON)
    ticker.arm()
    await time.advance(0)
    ticker.stop()
    resolve()
    await time.advance(1_000)
    expect([ticks, faults.all]).toEqual([[], []])
  })

  test('has its ticks a second apart while the wall clock is set back', async () => {
    wheel.set('a', NOON)
    ticker.arm()
    await time.advance(0)
    time.set(NOON - 60_000)
    wheel.set('a', NOON - 60_000)
    ticker.arm()
    await time.advance(1_000)
    expect(ticks).toEqual([0, -59_000])
  })

  test('has its tick within a minute of a step of the wall clock that makes it due', async () => {
    wheel.set('a', NOON + 3_000_000)
    ticker.arm()
    time.set(NOON + 3_600_000)
    await time.advance(60_000)
    expect(ticks).toEqual([3_660_000])
  })
})

describe('a partition without a deadline', () => {
  test('has a tick an hour after its owner last told the time', async () => {
    ticker.arm()
    await time.advance(3_599_999)
    expect(ticks).toEqual([])
    await time.advance(1)
    expect(ticks).toEqual([3_600_000])
  })

  test('is told the time at once when it is far ahead', async () => {
    clock.time = NOON + 3_600_000
    ticker.arm()
    await time.advance(0)
    expect(ticks).toEqual([0])
  })
})

import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RollcallError } from '../../src/errors.ts'
import type { ChannelEvent, Channels } from '../../src/notify/index.ts'
import type { FakePusher } from '../support/fake-pusher.ts'
import { event, openPusherChannels, type PusherChannels } from '../support/pusher-channels.ts'
import { ManualTime } from '../support/time.ts'

describe('the channels through Pusher, with gauges,', () => {
  let time: ManualTime
  let opened: PusherChannels
  let fake: FakePusher
  let channels: Channels

  beforeEach(async () => {
    time = new ManualTime()
    opened = await openPusherChannels(time)
    fake = opened.fake
    channels = opened.channels
  })
  afterEach(() => opened.close())

  const failures = () => opened.faults.all.map(([, error]) => error as RollcallError)
  const gauged = (n: number, watching: number): ChannelEvent => event(n, { watching })
  /** Until the round that is due has nothing more to do; of timers there are only theirs. */
  const round = async (): Promise<void> => {
    await time.advance(300)
    await opened.until(() => time.timers === 0)
    for (let turn = 0; turn < 5; turn++) await setImmediate()
  }

  test('send the latest of each channel and name', async () => {
    for (let watching = 0; watching <= 9; watching++) {
      channels.gauge(gauged(1, watching))
      channels.gauge({ ...gauged(1, watching), name: 'other' })
      channels.gauge({ ...gauged(1, watching), channel: 'other' })
    }
    await round()
    expect(fake.events).toEqual([
      gauged(1, 9),
      { ...gauged(1, 9), name: 'other' },
      { ...gauged(1, 9), channel: 'other' },
    ])
  })

  test('send nothing before 300 ms have passed', async () => {
    channels.gauge(gauged(1, 1))
    await time.advance(299)
    await channels.send(event(2))
    expect(fake.events).toEqual([event(2)])
    await time.advance(1)
    await opened.until(() => fake.events.length === 2)
  })

  test('send what comes after a round in the next', async () => {
    channels.gauge(gauged(1, 1))
    await round()
    channels.gauge(gauged(1, 2))
    await round()
    expect(fake.events).toEqual([gauged(1, 1), gauged(1, 2)])
  })

  test('send what comes during a round in the next', async () => {
    fake.fail(() => {
      if (fake.requests.length === 1) channels.gauge(gauged(1, 2))
      return 200
    })
    channels.gauge(gauged(1, 1))
    await time.advance(300)
    await opened.until(() => fake.events.length === 1 && time.timers === 1)
    await round()
    expect(fake.events).toEqual([gauged(1, 1), gauged(1, 2)])
  })

  test('send ten in a batch', async () => {
    for (let n = 0; n < 25; n++) channels.gauge(gauged(n, 1))
    await round()
    expect(fake.requests.map(request => request.events.length).sort()).toEqual([10, 10, 5])
  })

  test('report what is not taken, once a round, and forget it', async () => {
    fake.fail(() => 500)
    for (let n = 0; n < 25; n++) channels.gauge(gauged(n, 1))
    await round()
    expect(failures().map(({ code }) => code)).toEqual(['RC_SERVICE_BUSY'])
    expect(failures()[0]!.message).toMatch(/^Gauges lost: 25\. Pusher answers 500: /)
    fake.fail(null)
    channels.gauge(gauged(99, 1))
    await round()
    expect(fake.events).toEqual([gauged(99, 1)])
    expect(failures()).toHaveLength(1)
  })

  test('give a round up when nobody is there', async () => {
    fake.fail(() => 503)
    for (let n = 0; n < 1_000; n++) channels.gauge(gauged(n, 1))
    await round()
    expect(fake.requests.length).toBeLessThanOrEqual(4)
    expect(failures().map(({ code }) => code)).toEqual(['RC_SERVICE_UNREACHABLE'])
    expect(failures()[0]!.message).toMatch(/^Gauges lost: 1000\. /)
  })

  test('lose one that can never be taken, and no other', async () => {
    channels.gauge(event(1, { text: 'x'.repeat(10_240) }))
    channels.gauge(event(2, {}, 'no such channel'))
    channels.gauge(gauged(3, 1))
    await round()
    expect(fake.events).toEqual([gauged(3, 1)])
    expect(failures().map(({ code }) => code)).toEqual(['RC_SERVICE_REFUSED'])
    expect(failures()[0]!.message).toMatch(/^Gauges lost: 2\. /)
  })

  test('keep those of 10,000 rooms, of which each may still change', async () => {
    for (let n = 0; n <= 10_000; n++) channels.gauge(gauged(n, 1))
    channels.gauge(gauged(0, 2))
    await round()
    expect(new Set(fake.events.map(({ channel }) => channel)).size).toBe(10_000)
    expect(fake.events).toContainEqual(gauged(0, 2))
    expect(fake.events).not.toContainEqual(gauged(10_000, 1))
    expect(failures().map(({ message }) => message)).toEqual(['Gauges lost: 1. More rooms have gauges than can wait.'])
  })

  test('send no more of them once they are closed', async () => {
    channels.gauge(gauged(1, 1))
    await channels.close()
    expect(time.timers).toBe(0)
    expect(fake.requests).toEqual([])
  })

  test('take none of them once they are closed', async () => {
    await channels.close()
    channels.gauge(gauged(1, 1))
    expect(time.timers).toBe(0)
  })

  test('break a round off when they are closed', async () => {
    for (let n = 0; n < 1_000; n++) channels.gauge(gauged(n, 1))
    void time.advance(300)
    await opened.until(() => fake.requests.length > 0)
    await channels.close()
    expect(fake.requests.length).toBeLessThanOrEqual(4)
  })
})

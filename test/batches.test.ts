import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { Event } from '../actors/event.ts'
import { RollcallError } from '../src/errors.ts'
import { Batches, JOINT_MS, type Outgoing } from '../src/log/batches.ts'
import { entryOf } from '../src/log/entries.ts'
import type { Seq } from '../src/log/index.ts'
import { systemTime, type Time } from '../src/time.ts'
import { event } from './support/entries.ts'
import { ManualTime } from './support/time.ts'

interface Sent {
  partition: number
  id: string
  events: Event[]
  acknowledge(seq: Seq): void
  fail(error: Error): void
}

describe('batches', () => {
  let sent: Sent[]
  let batches: Batches

  const make = (options: { deadlineMs?: number; maxBytes?: number; time?: Time; isJoint?: boolean } = {}): Batches => {
    const own = sent
    const send = ({ partition, id, value }: Outgoing): Promise<Seq> =>
      new Promise((acknowledge, fail) => {
        own.push({ partition, id, events: entryOf(0, 0, value).events, acknowledge, fail })
      })
    return new Batches({
      ...{
        partitions: 3,
        deadlineMs: 10_000,
        maxBytes: 900_000,
        time: systemTime,
        isJoint: false,
        hasRows: true,
        ...options,
      },
      send: outgoing => Promise.all(outgoing.map(send)),
    })
  }
  const append = (partition: number, ...ids: string[]): Promise<Seq> =>
    batches.append(
      partition,
      ids.map(id => event(id)),
    )
  const many = (count: number): Event[] => Array.from({ length: count }, (_, i) => event(`e${i}`))
  const departed = (count: number): Promise<unknown> => vi.waitUntil(() => sent.length >= count, { interval: 1 })
  const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
  const shown = (): string[] => sent.map(({ partition, events }) => `${partition}: ${events.map(({ id }) => id)}`)

  beforeEach(() => {
    sent = []
    batches = make()
  })

  test('hold what is appended in one turn, and go out together', async () => {
    append(0, 'a')
    append(1, 'b')
    append(0, 'c')
    append(2, 'd')
    await departed(3)
    expect(shown()).toEqual(['0: a,c', '1: b', '2: d'])
  })

  test('of one partition go out one at a time', async () => {
    append(0, 'a')
    await departed(1)
    append(0, 'b')
    append(0, 'c')
    append(1, 'elsewhere')
    await departed(2)
    expect(shown()).toEqual(['0: a', '1: elsewhere'])
    sent[0]!.acknowledge(1)
    await departed(3)
    expect(shown()[2]).toBe('0: b,c')
  })

  test('go out no sooner than 5 ms after those of other partitions that are under way', async () => {
    const time = new ManualTime()
    batches = make({ time })
    append(0, 'a')
    await time.settle()
    await time.advance(1)
    append(1, 'b')
    append(2, 'c')
    await time.advance(3)
    append(1, 'd')
    expect(shown()).toEqual(['0: a'])
    await time.advance(1)
    expect(shown()).toEqual(['0: a', '1: b,d', '2: c'])
  })

  test('go out at once when none is under way, though others went just before', async () => {
    const time = new ManualTime()
    batches = make({ time })
    append(0, 'a')
    append(1, 'b')
    await time.settle()
    append(2, 'c')
    sent[0]!.acknowledge(1)
    await time.settle()
    append(0, 'd')
    sent[1]!.acknowledge(1)
    await time.settle()
    expect(shown()).toEqual(['0: a', '1: b', '0: d', '2: c'])
    // The timer that they waited for is gone with them.
    append(1, 'e')
    await time.advance(4)
    expect(shown()).toHaveLength(4)
  })

  test('that are full do not wait', async () => {
    for (let n = 0; n < 100; n++) batches.append(0, many(1_000))
    for (let n = 0; n < 100; n++) {
      await departed(n + 1)
      sent[n]!.acknowledge(n + 1)
      await turn()
      // The last one is not full: it waits for more.
      if (n < 98) expect(sent).toHaveLength(n + 2)
    }
  })

  test('tell each append the seq of the entry that holds it', async () => {
    const appends = [append(0, 'a'), append(0, 'b'), append(1, 'c')]
    await departed(2)
    sent[1]!.acknowledge(7)
    sent[0]!.acknowledge(4)
    expect(await Promise.all(appends)).toEqual([4, 4, 7])
  })

  test('have ids of their own, also those of another writer', async () => {
    for (const partition of [0, 1, 2]) append(partition, 'a')
    await departed(3)
    batches = make()
    append(0, 'a')
    await departed(4)
    expect(new Set(sent.map(({ id }) => id)).size).toBe(4)
  })

  test('that fail are rejected alone, and those behind them go on', async () => {
    const lost = append(0, 'lost')
    await departed(1)
    const kept = append(0, 'kept')
    sent[0]!.fail(new Error('no'))
    await expect(lost).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
    await departed(2)
    sent[1]!.acknowledge(1)
    expect(await kept).toBe(1)
  })

  test('behind which the time passes are rejected unsent', async () => {
    const time = new ManualTime()
    batches = make({ time, deadlineMs: 20 })
    append(0, 'slow')
    await departed(1)
    const behind = append(0, 'behind')
    await time.advance(20)
    sent[0]!.acknowledge(1)
    await expect(behind).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
    expect(sent).toHaveLength(1)
  })

  test('that are too large are halved in order, down to the event that is', async () => {
    batches = make({ maxBytes: 3_000 })
    const sized = (id: string, bytes: number): Event => event(id, { text: 'x'.repeat(bytes) })
    const appends = [
      [sized('a', 1_000), sized('b', 1_000)],
      [sized('c', 4_000)],
      [sized('d', 2_000), sized('e', 2_000)],
    ]
    const settled = Promise.allSettled(appends.map(events => batches.append(0, events)))
    for (let n = 0; n < 3; n++) {
      await departed(n + 1)
      sent[n]!.acknowledge(n + 1)
    }
    const [ab, c, de] = await settled
    expect(shown()).toEqual(['0: a,b', '0: d', '0: e'])
    expect([ab, de]).toEqual([1, 3].map(value => ({ status: 'fulfilled', value })))
    expect(c).toMatchObject({ reason: { code: 'RC_BODY_TOO_LARGE' } })
  })

  test('that are halved stay before those behind them', async () => {
    batches = make({ maxBytes: 20_000 })
    batches.append(0, many(1_000))
    append(0, 'behind')
    for (let n = 0; n < 3; n++) {
      await departed(n + 1)
      sent[n]!.acknowledge(n + 1)
    }
    expect(sent.map(({ events }) => events[0]!.id)).toEqual(['e0', 'e500', 'behind'])
  })

  test('reject an append of which one part fails', async () => {
    batches = make({ maxBytes: 1_500 })
    const append = batches.append(
      0,
      ['a', 'b'].map(id => event(id, { text: 'x'.repeat(1_000) })),
    )
    await departed(1)
    sent[0]!.fail(new Error('no'))
    await expect(append).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
  })

  test('pass an error of Rollcall on as it is', async () => {
    const lost = append(0, 'lost')
    await departed(1)
    sent[0]!.fail(new RollcallError('RC_LOG_BEHIND'))
    await expect(lost).rejects.toMatchObject({ code: 'RC_LOG_BEHIND' })
  })

  test('refuse what is over 200,000 waiting events, whole, and only that', async () => {
    batches = make({ maxBytes: Number.POSITIVE_INFINITY })
    const all = batches.append(0, many(200_000))
    await expect(append(1, 'one too many')).rejects.toMatchObject({ code: 'RC_OVERLOADED' })
    await departed(1)
    await expect(append(1, 'still one too many')).rejects.toMatchObject({ code: 'RC_OVERLOADED' })
    sent[0]!.fail(new Error('no'))
    await expect(all).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
    const fits = append(1, 'fits again')
    await departed(2)
    sent[1]!.acknowledge(1)
    expect(await fits).toBe(1)
  })

  test('are all settled when it is closed, and none is taken after that', async () => {
    const appends = Promise.all([append(0, 'a'), append(1, 'b'), append(1, 'c')])
    let closed = false
    const closing = batches.close().then(() => {
      closed = true
    })
    await expect(append(0, 'late')).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
    await departed(2)
    sent[0]!.acknowledge(1)
    await turn()
    expect(closed).toBe(false)
    sent[1]!.acknowledge(1)
    await closing
    expect(await appends).toEqual([1, 1, 1])
  })

  describe('of one place for all partitions', () => {
    let time: ManualTime
    beforeEach(() => {
      time = new ManualTime()
      batches = make({ time, isJoint: true })
    })

    test('go out together, all there are, and no other while they are under way', async () => {
      batches.append(1, many(1_000))
      append(0, 'a')
      append(1, 'behind')
      await time.settle()
      expect(sent.map(({ partition, events }) => [partition, events.length])).toEqual([
        [1, 1_000],
        [0, 1],
        [1, 1],
      ])
      append(2, 'elsewhere')
      await time.advance(100)
      expect(sent).toHaveLength(3)
    })

    test('go out at once when those before came through, all that has gathered meanwhile', async () => {
      append(0, 'a')
      await time.settle()
      append(1, 'b')
      await time.advance(20)
      append(1, 'c')
      expect(shown()).toEqual(['0: a'])
      sent[0]!.acknowledge(1)
      await time.settle()
      expect(shown()).toEqual(['0: a', '1: b,c'])
    })

    test('fail together, and those behind them go on', async () => {
      const lost = [append(0, 'a'), append(1, 'b')].map(each => expect(each).rejects.toThrow())
      await time.settle()
      const kept = append(0, 'kept')
      sent[1]!.fail(new Error('no'))
      await Promise.all(lost)
      // Another caller is expected, as there were two before.
      await time.advance(JOINT_MS)
      sent[2]!.acknowledge(7)
      expect(await kept).toBe(7)
    })

    test('that are too large are halved in one send', async () => {
      batches = make({ time, isJoint: true, maxBytes: 20_000 })
      batches.append(0, many(1_000))
      append(1, 'elsewhere')
      await time.settle()
      expect(sent.map(({ partition, events }) => [partition, events[0]!.id])).toEqual([
        [0, 'e0'],
        [0, 'e500'],
        [1, 'elsewhere'],
      ])
    })
  })
})

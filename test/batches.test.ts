import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Event } from '../actors/event.ts'
import { RollcallError } from '../src/errors.ts'
import { Batches } from '../src/log/batches.ts'
import { decode } from '../src/log/entries.ts'
import type { Seq } from '../src/log/index.ts'
import { event } from './support/entries.ts'

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

  const make = (options: { deadlineMs?: number; maxBytes?: number } = {}): Batches => {
    const own = sent
    return new Batches({
      ...{ partitions: 3, deadlineMs: 10_000, maxBytes: 900_000, ...options },
      send: (partition, id, value) =>
        new Promise((acknowledge, fail) => {
          own.push({ partition, id, events: decode(value), acknowledge, fail })
        }),
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
  afterEach(() => vi.useRealTimers())

  test('hold what is appended in one turn, and go out together', async () => {
    for (const [partition, id] of [
      [0, 'a'],
      [1, 'b'],
      [0, 'c'],
      [2, 'd'],
    ] as const)
      append(partition, id)
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

  test('go out no sooner than 5 ms after those before', async () => {
    vi.useFakeTimers()
    await vi.advanceTimersByTimeAsync(1_000)
    append(0, 'a')
    await vi.advanceTimersByTimeAsync(1)
    append(1, 'b')
    append(0, 'c')
    await vi.advanceTimersByTimeAsync(1)
    sent[0]!.acknowledge(1)
    await vi.advanceTimersByTimeAsync(2)
    expect(shown()).toEqual(['0: a'])
    await vi.advanceTimersByTimeAsync(1)
    expect(shown()).toEqual(['0: a', '0: c', '1: b'])
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
    batches = make({ deadlineMs: 20 })
    append(0, 'slow')
    await departed(1)
    const behind = append(0, 'behind')
    const from = performance.now()
    await vi.waitUntil(() => performance.now() > from + 20)
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
})

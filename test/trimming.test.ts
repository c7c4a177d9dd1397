import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openLog } from '../src/log/embedded/writer.ts'
import type { EventLog } from '../src/log/index.ts'
import { KEPT_MS, oldestNeeded, startTrimming, trimAll } from '../src/log/trimming.ts'
import { event } from './support/entries.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const HOUR_MS = 3_600_000

describe('trimming the log', () => {
  let path: string
  let log: EventLog
  let time: ManualTime
  let faults: ReturnType<typeof toldFaults>

  beforeEach(async () => {
    path = mkdtempSync(join(tmpdir(), 'rollcall-log-'))
    log = await openLog(path, 3, {})
    time = new ManualTime()
    faults = toldFaults()
  })
  afterEach(async () => {
    await log.close()
    rmSync(path, { recursive: true })
  })

  /** Appends an entry for each arrival. */
  const arrive = async (partition: number, ...arrivals: number[]): Promise<void> => {
    for (const arrival of arrivals) await log.append(partition, [event('', { arrival })])
  }
  /** A copy of the state that is newer than all there is. */
  const all = async (): Promise<number> => Number.POSITIVE_INFINITY
  const keeper = { kept: async () => [], keep: async () => ({ cut: 1e9, at: time.now() }) }
  const firsts = () => Promise.all([0, 1, 2].map(async p => (await log.bounds(p)).first))

  test.each([
    { before: 5, cut: 8, needed: 1 },
    { before: 10, cut: 8, needed: 1 },
    { before: 11, cut: 8, needed: 2 },
    { before: 45, cut: 8, needed: 5 },
    { before: 50, cut: 8, needed: 5 },
    { before: 51, cut: 8, needed: 6 },
    { before: 51, cut: 4, needed: 4 },
    { before: 999, cut: 8, needed: 8 },
    { before: 999, cut: 0, needed: 0 },
  ])('before $before, with the cut at $cut, needs the log from $needed', async ({ before, cut, needed }) => {
    await arrive(0, 10, 20, 30, 40, 50, 60, 70, 80)
    expect(await oldestNeeded(log, 0, cut, before)).toBe(needed)
  })

  test.each([1, 2, 3, 4, 5, 6, 7])('finds every end among %i entries that are left of a trimmed log', async length => {
    await arrive(0, 0, 0, ...Array.from({ length }, (_, i) => i + 1))
    await log.trim(0, 3)
    const cut = length + 2
    for (let before = 1; before <= length + 1; before++) {
      expect(await oldestNeeded(log, 0, cut, before)).toBe(Math.min(before + 2, cut))
    }
  })

  test('leaves no reader behind', async () => {
    await arrive(0, 10, 20, 30)
    const signals: AbortSignal[] = []
    const read = log.read.bind(log)
    vi.spyOn(log, 'read').mockImplementation((partition, after, signal) => {
      signals.push(signal!)
      return read(partition, after, signal)
    })
    await oldestNeeded(log, 0, 3, 25)
    expect(signals.map(({ aborted }) => aborted)).toEqual(signals.map(() => true))
    expect(signals.length).toBeGreaterThan(1)
  })

  test('forgets in each partition what is old and below its cut', async () => {
    for (const p of [0, 1, 2]) await arrive(p, 10, 20, 30, 40)
    const cuts = new Map([
      [0, 4],
      [1, 2],
      [2, 0],
    ])
    await trimAll(log, cuts, 35, all)
    expect(await firsts()).toEqual([4, 2, 1])
  })

  test('goes on with other partitions when one fails, and says so', async () => {
    await arrive(0, 10, 20)
    await arrive(1, 10, 20)
    const bounds = log.bounds.bind(log)
    vi.spyOn(log, 'bounds').mockImplementation(p => (p === 0 ? Promise.reject(new Error('away')) : bounds(p)))
    const cuts = new Map([0, 1].map(p => [p, 2]))
    await expect(trimAll(log, cuts, 35, all)).rejects.toThrow('1 partitions')
    expect((await log.bounds(1)).first).toBe(2)
  })

  test('leaves what no copy of the state reaches', async () => {
    await arrive(0, 10, 20, 30, 40)
    const cuts = new Map([[0, 4]])
    const first = async (kept: number): Promise<number> => {
      await trimAll(log, cuts, 45, async () => kept)
      return (await firsts())[0]!
    }
    expect([await first(0), await first(1), await first(2), await first(4)]).toEqual([1, 2, 3, 4])
  })

  test('copies the state before the log is trimmed, and again when the copy is half as old as the log', async () => {
    await arrive(0, 10, 20, 30, 40)
    const made: number[] = []
    let cut = 2
    const copies = {
      kept: async () => made.map(at => ({ cut: 2, at })).toReversed(),
      keep: async () => ({ cut, at: made[made.push(time.now()) - 1]! }),
    }
    const first = async (now: number): Promise<number> => {
      time.set(now - HOUR_MS)
      const trimming = startTrimming({ log, cuts: async () => new Map([[0, 4]]), keeper: copies, time, faults })
      await time.advance(HOUR_MS)
      await trimming.close()
      return (await firsts())[0]!
    }
    const now = KEPT_MS + 100
    const once = await first(now)
    cut = 4
    const [later, last] = [await first(now + KEPT_MS / 2), await first(now + KEPT_MS / 2 + 1)]
    expect([once, later, last, made]).toEqual([3, 3, 4, [now, now + KEPT_MS / 2 + 1]])
  })

  const trimHourly = (cuts: () => Promise<Map<number, number>>) => startTrimming({ log, cuts, keeper, time, faults })
  const late = (): number => KEPT_MS + 25 - HOUR_MS

  test('happens every hour to what is older than a week', async () => {
    await arrive(0, 10, 20, 30)
    time.set(late())
    const trimming = trimHourly(async () => new Map([[0, 3]]))
    await time.advance(HOUR_MS - 1)
    await trimming.close()
    const early = await firsts()
    time.set(late())
    const later = trimHourly(async () => new Map([[0, 3]]))
    await time.advance(HOUR_MS)
    await later.close()
    expect([early[0], (await firsts())[0]]).toEqual([1, 3])
  })

  test('happens again after it failed, and tells why it did', async () => {
    await arrive(0, 10, 20, 30)
    time.set(late())
    const cuts = vi.fn(async () => new Map([[0, 3]])).mockRejectedValueOnce(new Error('no shard'))
    const trimming = trimHourly(cuts)
    await time.advance(HOUR_MS)
    expect(faults.all).toEqual([['trim', new Error('no shard')]])
    await time.advance(HOUR_MS)
    await trimming.close()
    expect((await firsts())[0]).toBe(3)
  })

  test('does not happen after the end', async () => {
    const cuts = vi.fn(async () => new Map<number, number>())
    await trimHourly(cuts).close()
    await time.advance(2 * HOUR_MS)
    expect(cuts).not.toHaveBeenCalled()
  })
})

import { describe, expect, test } from 'vitest'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import { partitionOf } from '../src/log/partition-of.ts'
import { adopt } from '../src/ownership/adopt.ts'
import type { OwnLog } from '../src/stores.ts'
import { load } from './support/checkpoint-records.ts'
import { NOON } from './support/one-partition.ts'
import { ManualTime } from './support/time.ts'
import { documents } from './support/two-lives.ts'

describe('a partition without a checkpoint', () => {
  /** What is adopted over documents up to seq 50, and where the checkpoint and the log are then. */
  async function adoption(first: number, last: number, acceptLoss = false) {
    await documents.upsertMany('web-sessions', [{ id: 'v-2026-01-01', seq: 50, set: { visitorId: 'v' } }])
    const store = memoryCheckpoints()
    let bounds = { incarnation: 'old', first, last }
    const log = {
      bounds: async () => bounds,
      renew: async (_: number, next: number) => {
        bounds = { incarnation: 'new', first: next, last: next - 1 }
      },
    } as unknown as OwnLog
    const adopting = await adopt({ log, store, documents, partitions: 1, time: new ManualTime(NOON), acceptLoss })
    return { adopting, bounds, cut: (await store.peek(0))?.cut }
  }
  const above = 50 + 1_000_000 + 1

  test('brings everything back from a log that is whole', async () => {
    expect(await adoption(1, 60)).toMatchObject({ adopting: [], bounds: { incarnation: 'old' } })
  })

  test('goes on above its documents with a log that is empty', async () => {
    expect(await adoption(1, 0)).toMatchObject({ adopting: [0], bounds: { first: above }, cut: above - 1 })
  })

  test('goes on above the snapshots of its actors', async () => {
    await documents.upsertMany('actors', [{ id: 'visitor/v', seq: 70, set: { partition: 0 } }])
    expect(await adoption(1, 0)).toMatchObject({ adopting: [0], bounds: { first: above + 20 } })
  })

  test('goes on with what its documents do not show of a log that ends above them', async () => {
    expect(await adoption(40, 60)).toMatchObject({ adopting: [0], bounds: { incarnation: 'old' }, cut: 50 })
  })

  test('is left alone with entries below its documents, unless they may go', async () => {
    expect(await adoption(20, 30)).toMatchObject({ adopting: [], bounds: { incarnation: 'old' } })
    expect(await adoption(20, 30, true)).toMatchObject({ adopting: [0], bounds: { first: above } })
  })

  test('goes by the rules that documents have their days by', async () => {
    await documents.upsertMany('web-sessions', [{ id: 'v-2026-01-01', seq: 50, set: { visitorId: 'v' } }])
    const store = memoryCheckpoints()
    const log = {
      bounds: async () => ({ incarnation: 'old', first: 40, last: 60 }),
    } as unknown as OwnLog
    const rules = { zone: 'Asia/Taipei', inactivityMs: 7 }
    await adopt({ log, store, documents, partitions: 1, rules, time: new ManualTime(NOON) })
    const [kept] = await load(store, await store.claim(0, 'test'), { space: 'aggregate', names: ['rules'] })
    expect(kept!.value).toEqual([{ from: 0, ...rules }])
  })

  test('adopts nothing of documents that are of another', async () => {
    await documents.upsertMany('sessions', [{ id: 's', seq: 5, set: { userId: 'sam' } }])
    const store = memoryCheckpoints()
    const log = {
      bounds: async () => ({ incarnation: 'old', first: 1, last: 0 }),
      renew: async () => {},
    } as unknown as OwnLog
    const adopting = await adopt({ log, store, documents, partitions: 16, time: new ManualTime(NOON) })
    expect(adopting).toEqual([partitionOf('sam', 16)])
  })
})

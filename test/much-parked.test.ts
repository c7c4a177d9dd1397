import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Event } from '../actors/event.ts'
import { memoryLiveSets } from '../src/audience/memory.ts'
import type { CheckpointStore } from '../src/checkpoint/index.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import type { DocumentStore } from '../src/documents/index.ts'
import { openLog } from '../src/log/embedded/writer.ts'
import type { EventLog } from '../src/log/index.ts'
import { Processor } from '../src/partition/processor.ts'
import { control } from '../src/shard/control.ts'
import { adder, type Sum } from './support/adder.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const rules = { zone: 'UTC', inactivityMs: 1, gapMs: 1, lateMs: 1 }
const add = (n: number, key = 'k'): Event => ({ kind: 'add', key, id: '', at: 1, arrival: 1, n })
const drop: Event = { ...add(0), kind: 'parked.drop', actor: 'adder/k' }

let folder: string
let log: EventLog
let store: CheckpointStore

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rollcall-test-'))
  log = await openLog(folder, 1, {})
  store = memoryCheckpoints()
})

afterEach(async () => {
  await log.close()
  rmSync(folder, { recursive: true })
})

const claim = (): Promise<Processor> =>
  Processor.claim(0, {
    ...{
      owner: 'test',
      kinds: [adder(n => n === 2)],
      rules,
      log,
      store,
      live: memoryLiveSets(new ManualTime()),
      partitions: 1,
      flushMs: 10,
    },
    documents: { upsertMany: async () => {}, find: async () => [] as unknown } as unknown as DocumentStore,
    receiverOf: () => ({ perform: async () => ({ outcome: 'done' }) }),
    time: new ManualTime(),
    faults: toldFaults(),
  })

const sumOf = async (processor: Processor, key: string) =>
  ((await processor.partition.view('adder', key))?.context as Sum | undefined)?.sum

/** Events of `k` are parked in two entries, the last of them beyond the bound; then comes another actor's. */
async function park(): Promise<void> {
  await log.append(0, [add(2), ...Array.from({ length: 998 }, () => add(1))])
  await log.append(
    0,
    Array.from({ length: 500 }, () => add(1)),
  )
}

describe('a partition with more parked events than fit into memory', () => {
  beforeEach(park)

  test('goes on for other actors, before and after a restart', async () => {
    for (const key of ['before', 'after']) {
      const processor = await claim()
      await processor.committer.settled(await log.append(0, [add(1, key)]), 5_000)
      expect([processor.stopped, await sumOf(processor, key)]).toEqual([undefined, 1])
      expect(processor.partition.parking.list()).toMatchObject([{ actor: 'adder/k', count: 1_499 }])
      expect(processor.partition.parking.full).toEqual(['adder/k'])
      await processor.drain()
    }
  })

  test('has no more of them in memory once they are committed', async () => {
    const processor = await claim()
    await processor.committer.settled(await log.append(0, [add(1, 'other')]), 5_000)
    await vi.waitFor(() => expect(processor.partition.parking.list()[0]!.events.length).toBe(1_000))
    await processor.drain()
  })

  test.each(['in the same life', 'after a restart'])('applies all of them behind a drop %s', async life => {
    let processor = await claim()
    await processor.committer.settled(await log.append(0, [add(1, 'other')]), 5_000)
    if (life === 'after a restart') {
      await processor.drain()
      processor = await claim()
    }
    await processor.committer.settled(await log.append(0, [drop, add(10)]), 5_000)
    expect([await sumOf(processor, 'k'), processor.partition.parking.list()]).toEqual([1_508, []])
    await processor.drain()
    const again = await claim()
    await again.committer.settled(await log.append(0, [add(100)]), 5_000)
    expect([await sumOf(again, 'k'), again.partition.parking.full]).toEqual([1_608, []])
    await again.drain()
  })

  test('is told of by its shard, with the actors that take no more', async () => {
    const processor = await claim()
    await processor.committer.settled(await log.append(0, [add(1, 'other')]), 5_000)
    const { status } = control(
      {
        partitions: [0],
        processors: new Map([[0, processor]]),
        refused: new Map(),
        works: new Map(),
        live: memoryLiveSets(new ManualTime()),
        ...{ log, owner: 'test', ofThread: () => [] },
        time: new ManualTime(),
        faults: toldFaults(),
      },
      {
        claimed: async () => {},
        recompute: () => Promise.reject(new Error('nobody asks')),
        drain: async () => {},
      },
    )
    expect(await status()).toMatchObject([{ partition: 0, stopped: null, full: ['adder/k'] }])
    await processor.drain()
  })
})

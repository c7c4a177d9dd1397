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

const isStopped = (processor: Processor) =>
  vi.waitFor(() => expect(processor.stopped?.code).toBe('RC_PARTITION_STOPPED'))

describe('a partition with a thousand parked events', () => {
  beforeEach(async () => {
    await log.append(0, [add(2), ...Array.from({ length: 999 }, () => add(1))])
    await log.append(0, [add(1, 'other')])
  })

  test('stops, and says so', async () => {
    const processor = await claim()
    await isStopped(processor)
    await processor.drain()
    expect(await sumOf(processor, 'other')).toBeUndefined()
  })

  test('goes on with the drop that comes behind what it did not take', async () => {
    const processor = await claim()
    await isStopped(processor)
    const seq = await log.append(0, [drop])
    await processor.committer.settled(seq, 5_000)
    expect([processor.stopped, await sumOf(processor, 'k'), await sumOf(processor, 'other')]).toEqual([
      undefined,
      999,
      1,
    ])
    await processor.drain()
  })

  test('goes on likewise after a restart', async () => {
    const first = await claim()
    await isStopped(first)
    await first.drain()
    const seq = await log.append(0, [drop])
    const processor = await claim()
    await processor.committer.settled(seq, 5_000)
    expect([await sumOf(processor, 'k'), await sumOf(processor, 'other')]).toEqual([999, 1])
    await processor.drain()
  })
})

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
import { Loop } from '../src/partition/processor.ts'
import { adder, type Sum } from './support/adder.ts'

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

const claim = (): Promise<Loop> =>
  Loop.claim(0, {
    ...{
      owner: 'test',
      kinds: [adder(n => n === 2)],
      rules,
      log,
      store,
      live: memoryLiveSets(),
      partitions: 1,
      flushMs: 10,
    },
    documents: { upsertMany: async () => {}, find: async () => [] as unknown } as unknown as DocumentStore,
    receiverOf: () => ({ perform: async () => ({ outcome: 'done' }) }),
    now: Date.now,
    failed: () => {},
  })

const sumOf = async (loop: Loop, key: string) =>
  ((await loop.partition.view('adder', key))?.context as Sum | undefined)?.sum

const isStopped = (loop: Loop) => vi.waitFor(() => expect(loop.stopped?.code).toBe('RC_PARTITION_STOPPED'))

describe('a partition with a thousand parked events', () => {
  beforeEach(async () => {
    await log.append(0, [add(2), ...Array.from({ length: 999 }, () => add(1))])
    await log.append(0, [add(1, 'other')])
  })

  test('stops, and says so', async () => {
    const loop = await claim()
    await isStopped(loop)
    await loop.drain()
    expect(await sumOf(loop, 'other')).toBeUndefined()
  })

  test('goes on with the drop that comes behind what it did not take', async () => {
    const loop = await claim()
    await isStopped(loop)
    const seq = await log.append(0, [drop])
    await loop.committer.settled(seq, 5_000)
    expect([loop.stopped, await sumOf(loop, 'k'), await sumOf(loop, 'other')]).toEqual([undefined, 999, 1])
    await loop.drain()
  })

  test('goes on likewise after a restart', async () => {
    const first = await claim()
    await isStopped(first)
    await first.drain()
    const seq = await log.append(0, [drop])
    const loop = await claim()
    await loop.committer.settled(seq, 5_000)
    expect([await sumOf(loop, 'k'), await sumOf(loop, 'other')]).toEqual([999, 1])
    await loop.drain()
  })
})

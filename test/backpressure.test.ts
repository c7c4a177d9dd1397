import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Event } from '../actors/event.ts'
import { memoryLiveSets } from '../src/audience/memory.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import type { DocumentStore } from '../src/documents/index.ts'
import type { EventLog } from '../src/log/index.ts'
import { Processor } from '../src/partition/processor.ts'
import { adder, type Sum } from './support/adder.ts'
import { MINUTE, NOON, OnePartition, tick } from './support/one-partition.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const ENTRIES = 5_000
const BATCH = 100
const EVENTS = 20

const add = (key: string): Event => ({ kind: 'add', key, id: '', at: 1, arrival: 1, n: 1 })

/** A log that is there already, of events of so many actors by turns. */
const logOf = (actors: number) =>
  ({
    bounds: async () => ({ incarnation: 'one', first: 1, last: ENTRIES }),
    append: async () => ENTRIES,
    async *read(_partition: number, after: number) {
      for (let seq = after + 1; seq <= ENTRIES; seq += BATCH) {
        yield Array.from({ length: BATCH }, (_, i) => ({
          seq: seq + i,
          events: Array.from({ length: EVENTS }, (_, n) => add(`k${((seq + i) * EVENTS + n) % actors}`)),
        }))
      }
    },
  }) as unknown as EventLog

test.each([
  { of: 'one actor', actors: 1, most: 50_000 / EVENTS },
  { of: 'many actors', actors: 10_000, most: 4_000 / EVENTS },
])('a partition that cannot commit events of $of applies no more than so many, and goes on when it can', async ({
  actors,
  most,
}) => {
  const store = memoryCheckpoints()
  const isThere = Promise.withResolvers<void>()
  const commit = store.commit.bind(store)
  store.commit = async (...args) => {
    await isThere.promise
    return commit(...args)
  }
  const processor = await Processor.claim(0, {
    ...{ owner: 'test', kinds: [adder(() => false)], rules: { zone: 'UTC', inactivityMs: 1, gapMs: 1, lateMs: 1 } },
    ...{
      log: logOf(actors),
      store,
      live: memoryLiveSets(new ManualTime()),
      partitions: 1,
      flushMs: 10,
      time: new ManualTime(),
      faults: toldFaults(),
    },
    documents: { upsertMany: async () => {}, find: async () => [] as unknown } as unknown as DocumentStore,
    receiverOf: () => ({ perform: async () => ({ outcome: 'done' as const }) }),
  })
  onTestFinished(() => processor.drain())
  await vi.waitFor(() => expect(processor.partition.applied).toBeGreaterThan(most - BATCH))
  for (let turn = 0; turn < 1_000; turn++) await nextTurn()
  expect(processor.partition.applied).toBeLessThanOrEqual(most + BATCH)
  isThere.resolve()
  await processor.committer.settled(ENTRIES, 20_000)
  const sum = (await processor.partition.view('adder', 'k0'))?.context as Sum
  expect(sum.sum).toBe((ENTRIES * EVENTS) / actors)
})

test('a viewer whose documents become due counts as one that changed, and as nothing once that is committed', async () => {
  const one = await OnePartition.claim()
  const beat = (at: number): Event => ({
    ...{ kind: 'heartbeat', key: 'a', id: '', at, arrival: at, path: '/', stream: null, country: 'TW', groups: [] },
  })
  for (let at = NOON; at < NOON + 5 * MINUTE; at += MINUTE / 2) await one.apply(beat(at))
  const { partition } = one
  const after = async (event: Event): Promise<object> => {
    const entry = { seq: partition.applied + 1, events: [event] }
    await partition.prepare([entry])
    partition.apply(entry)
    return partition.backlog.size
  }
  expect(partition.backlog.size).toEqual({ events: 0, actors: 0 })
  expect(await after(beat(NOON + 5 * MINUTE - 1))).toEqual({ events: 1, actors: 0 })
  expect(await after(tick(NOON + 5 * MINUTE))).toEqual({ events: 2, actors: 1 })
  await one.apply(beat(NOON + 5 * MINUTE + 1))
  expect(partition.backlog.size).toEqual({ events: 0, actors: 0 })
})

import { once } from 'node:events'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import { pack, unpack } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { KINDS } from '../actors/kinds.ts'
import type { CheckpointStore, RecordKey } from '../src/checkpoint/index.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import { ACTORS_BYTES, bytesOfPartition } from '../src/partition/memory.ts'
import { Names } from '../src/partition/names.ts'
import { Partition } from '../src/partition/partition.ts'
import { recover } from '../src/partition/recovery.ts'
import { weightOf } from '../src/partition/weight.ts'
import { NOON } from './support/one-partition.ts'

const rules = { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }

const beat = (n: number, at: number): Event => ({
  ...{ kind: 'heartbeat', key: `user-${n}`, id: '', at, arrival: at },
  ...{ path: `/live/${n % 100}`, stream: `${n % 100}`, country: 'TW', groups: ['free'] },
})

/** Records by their whole names, of which nobody asks for more than one at a time. */
function recordsByName(): CheckpointStore {
  const records = new Map<string, Buffer>()
  const nameOf = ({ space, names }: RecordKey): string => [space, ...names].join('/')
  return {
    ...memoryCheckpoints(),
    async *load(_claim, keys) {
      for (const key of keys) {
        const value = records.get(nameOf(key))
        if (value) yield { ...key, value: unpack(value) }
      }
    },
    async commit(_claim, _cut, { puts }) {
      for (const { value, ...key } of puts) records.set(nameOf(key), pack(value))
      return 0
    },
  }
}

/** Beats at a path of so many characters that each has for itself. */
const ownPath =
  (length: number, filling = 'x') =>
  (n: number, at: number): Event => ({ ...beat(n, at), path: Buffer.from(`/${n}`.padEnd(length, filling)).toString() })

const ENOUGH = Number.POSITIVE_INFINITY

/** A partition with so many bytes for actors, to which this many viewers come so many times, 1,000 at a time. */
async function visited(
  mostBytes: number,
  viewers: number,
  given: { rounds?: number; of?: typeof beat; store?: CheckpointStore } = {},
) {
  const { rounds = 1, of = beat, store = recordsByName() } = given
  const partition = new Partition(await store.claim(0, 'test'), KINDS, rules, store, [], mostBytes)
  await recover(partition, store)
  for (let n = 0; n < rounds * viewers; n += 1_000) {
    const at = NOON + Math.floor(n / viewers) * 150_000 + (n % viewers)
    const events = Array.from({ length: 1_000 }, (_, i) => of((n % viewers) + i, at))
    const entry = { seq: partition.applied + 1, events }
    await partition.prepare([entry])
    partition.apply(entry)
    const { seq, delta } = partition.take()
    await store.commit(partition.claim, seq, { incarnation: 'log', ...delta })
    partition.projected(seq)
    partition.evict(0)
  }
  return partition
}

const isThere = ({ residents }: Partition, n: number): boolean => residents.has(`viewer/user-${n}`)

describe('actors in memory', () => {
  test('take no more bytes than are of their partition; those that were idle longest go', async () => {
    const most = 2 ** 22
    const partition = await visited(most, 20_000)
    expect(partition.residents.bytes).toBeLessThanOrEqual(most)
    expect(partition.residents.bytes).toBeGreaterThan(most / 2)
    expect([isThere(partition, 0), isThere(partition, 19_999)]).toEqual([false, true])
    const left = partition.meter.read().find(({ name }) => name === 'rollcall_passivations_total')
    expect(left!.value).toBe(20_000 - partition.residents.counts.get('viewer')!)
    expect(left!.value).toBeGreaterThan(0)
  })

  test('stay, however many they are, while there is room', async () => {
    const partition = await visited(ENOUGH, 45_000)
    expect([isThere(partition, 0), isThere(partition, 44_999)]).toEqual([true, true])
  })

  test('weigh nothing once they are gone, and come back as they were', async () => {
    const partition = await visited(ENOUGH, 1_000)
    const before = await partition.view('viewer', 'user-7')
    const { bytes } = partition.residents
    for (let n = 0; n < 1_000; n++) partition.residents.forget(`viewer/user-${n}`)
    expect(partition.residents.bytes).toBe(0)
    expect(await partition.view('viewer', 'user-7')).toEqual(before)
    await partition.residents.load(Array.from({ length: 1_000 }, (_, n) => ({ kind: 'viewer', key: `user-${n}` })))
    partition.evict(0)
    expect(partition.residents.bytes).toBe(bytes)
  })

  test.each<[string, number, { rounds?: number; of?: typeof beat }]>([
    ['who go on', 20_000, { rounds: 9 }],
    ['each at a short path of its own', 10_000, { rounds: 3, of: ownPath(20) }],
    ['each at a long path of its own', 3_000, { rounds: 3, of: ownPath(8_000) }],
    ['each at a wide path of its own', 3_000, { rounds: 3, of: ownPath(2_000, '\u4e2d') }],
    ['who wander', 3_000, { rounds: 9, of: (n, at) => ownPath(60)(n + 10_000 * (at % 997), at) }],
  ])('weigh about what they take: viewers %s', async (_, viewers, given) => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const heap = (): number => {
      // Code that is not run any more goes only at the second time.
      collect()
      collect()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    const empty = heap()
    const store = { ...memoryCheckpoints(), commit: async () => 0 }
    const partition = await visited(ENOUGH, viewers, { ...given, store })
    const taken = heap() - empty
    expect(partition.residents.bytes / taken).toBeGreaterThan(0.7)
    expect(partition.residents.bytes / taken).toBeLessThan(4)
  })
})

test('an actor that left memory is still shown as it was, whoever has its place', async () => {
  const partition = await visited(ENOUGH, 1_000)
  const former = partition.residents.get('viewer/user-7')
  const shown = ({ userId, at, stream, seq, changedAt }: typeof former) => ({ userId, at, stream, seq, changedAt })
  const before = shown(former)
  expect(before).toEqual({ userId: 'user-7', at: NOON, stream: '7', seq: 1, changedAt: expect.any(Number) })
  for (let n = 0; n < 1_000; n++) partition.residents.forget(`viewer/user-${n}`)
  const entry = { seq: partition.applied + 1, events: Array.from({ length: 1_000 }, (_, n) => beat(n, NOON + 1_000)) }
  await partition.prepare([entry])
  partition.apply(entry)
  expect(shown(partition.residents.get('viewer/user-7'))).toMatchObject({ userId: 'user-7', at: NOON + 1_000, seq: 2 })
  expect(shown(former)).toEqual(before)
})

describe('the bytes of a partition', () => {
  test.each([1, 4, 16, 256])('fit the process and the thread, where there are %i', partitions => {
    for (const shards of [1, 2, 8]) {
      const owned = Math.ceil(partitions / shards)
      const bytes = bytesOfPartition(partitions, owned)
      expect(bytes * partitions).toBeLessThanOrEqual(ACTORS_BYTES)
      expect(bytes * owned).toBeLessThanOrEqual(getHeapStatistics().heap_size_limit / 4)
    }
  })
})

test('a thread with one partition and a small heap lets viewers go before it is full', async () => {
  const thread = new Worker(new URL('support/small-heap.ts', import.meta.url), {
    ...{ resourceLimits: { maxOldGenerationSizeMb: 48, maxYoungGenerationSizeMb: 8 }, execArgv: [] },
  })
  const [{ left, resident }] = (await once(thread, 'message')) as [{ left: number; resident: number }]
  expect(left).toBeGreaterThan(0)
  expect(resident).toBeGreaterThan(5_000)
  await thread.terminate()
})

describe('the weight', () => {
  test('of a list is as of all that is in it, though some stand for all', () => {
    const one = { text: 'x'.repeat(100), list: [1, 2, 3] }
    const each = weightOf([one, one]) - weightOf([one])
    expect(weightOf(Array.from({ length: 20_000 }, () => one)) / (20_000 * each)).toBeCloseTo(1, 2)
  })

  test.each([[null], [undefined], [true], [[]], [new Map()], [new Set()]])('of %j is that of nothing in it', value => {
    expect(weightOf(value)).toBeLessThanOrEqual(24)
  })
})

describe('names', () => {
  test('are the same texts as before, also beyond the number that is kept', () => {
    const names = new Names()
    const value = () => ({
      key: 'own',
      last: { path: '/a', groups: ['b', 'c'] },
      rest: Array.from({ length: 25_000 }, String),
    })
    const shared = value()
    names.share(shared)
    names.share(shared)
    expect(shared).toEqual(value())
  })
})

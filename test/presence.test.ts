import { expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { KINDS } from '../actors/kinds.ts'
import type { ViewerPresence } from '../src/audience/index.ts'
import { memoryLiveSets } from '../src/audience/memory.ts'
import type { CheckpointStore } from '../src/checkpoint/index.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import { memoryDocuments } from '../src/documents/memory.ts'
import { LogInMemory } from '../src/log/memory.ts'
import { presence } from '../src/partition/presence.ts'
import { Processor } from '../src/partition/processor.ts'
import { NOON, OnePartition, tick } from './support/one-partition.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const rules = { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }

const beat = (key: string, at: number, stream: string | null = 'x'): Event => ({
  ...{ kind: 'heartbeat', key, id: '', at, arrival: at, path: `/${stream}`, stream, country: 'TW', groups: [] },
})

async function told({ partition, store }: OnePartition) {
  const faults = toldFaults()
  const found: ViewerPresence[] = []
  for await (const { present = [] } of presence(partition, store, { time: new ManualTime(NOON), faults }))
    found.push(...present)
  return { found: found.sort((a, b) => (a.userId < b.userId ? -1 : 1)), faults }
}

test('who may be alive is told as of the last beats, in memory or not', async () => {
  const one = await OnePartition.claim()
  await one.apply(beat('a', NOON), beat('b', NOON), beat('gone', NOON - 1_000_000))
  // A pulse, which is beside the viewer's record, and one that comes after the claim.
  await one.apply(beat('b', NOON + 1_000), beat('b', NOON + 2_000), tick(NOON + 3_000))
  await one.restart()
  await one.apply(beat('c', NOON + 4_000, null), beat('b', NOON + 5_000))
  expect((await told(one)).found).toEqual([
    { userId: 'a', at: NOON, stream: 'x' },
    { userId: 'b', at: NOON + 5_000, stream: 'x' },
    { userId: 'c', at: NOON + 4_000, stream: null },
  ])
  await one.restart()
  expect((await told(one)).found.map(({ at }) => at - NOON)).toEqual([0, 5_000, 4_000])
})

test('a viewer whose record cannot be read keeps nobody else from being told', async () => {
  const one = await OnePartition.claim()
  await one.apply(...Array.from({ length: 1_200 }, (_, i) => beat(`u${i}`, NOON)))
  const puts = [{ space: 'actor' as const, names: ['viewer', 'u7', ''], value: [99, 'odd', {}] }]
  const { claim } = one.partition
  await one.store.commit(claim, claim.cut, { incarnation: claim.incarnation!, mark: claim.mark, puts, removes: [] })
  await one.restart()
  const { found, faults } = await told(one)
  expect([found.length, faults.all.map(([step]) => step)]).toEqual([1_199, ['live sets']])
})

test('who is there is known again after a claim, and to nobody before', async () => {
  const time = new ManualTime(NOON)
  const logs = new LogInMemory({ partitions: 1, settings: {}, time })
  const kept = memoryCheckpoints()
  const documents = memoryDocuments({ time })
  const start = (store: CheckpointStore, live = memoryLiveSets(time)) =>
    Processor.claim(0, {
      ...{ owner: 'test', kinds: KINDS, rules, log: logs.open(), store, documents, live, partitions: 1, flushMs: 100 },
      ...{ time, faults: toldFaults(), receiverOf: () => ({ perform: async () => ({ outcome: 'done' as const }) }) },
    })
  const during = async <T>(work: Promise<T>): Promise<T> => {
    let isDone = false
    const done = work.finally(() => {
      isDone = true
    })
    while (!isDone) await time.advance(10)
    return done
  }
  const former = await during(start(kept))
  await during(logs.open().append(0, [beat('a', NOON), beat('b', NOON)]))
  await time.advance(1_000)
  await during(former.drain())

  const { promise: isOpen, resolve: open } = Promise.withResolvers<void>()
  const slow: CheckpointStore = {
    ...kept,
    async *load(claim, keys) {
      if (keys.some(({ space }) => space === 'deadline')) await isOpen
      yield* kept.load(claim, keys)
    },
  }
  const live = memoryLiveSets(time)
  const next = await during(start(slow, live))
  await during(logs.open().append(0, [beat('a', NOON + 1_000, 'y')]))
  await time.advance(1_000)
  expect([next.partition.applied, await live.alive(NOON)]).toEqual([4, null])
  open()
  await time.advance(1_000)
  expect([(await live.alive(NOON))!.sort(), await live.alive(NOON, 'y')]).toEqual([['a', 'b'], ['a']])
  await during(next.drain())
})

test('who stays, moves, or leaves memory and comes back, is alive where it is, with nobody outside to be told', async () => {
  const time = new ManualTime(NOON)
  const logs = new LogInMemory({ partitions: 1, settings: {}, time })
  const live = memoryLiveSets(time)
  const processor = Processor.claim(0, {
    ...{ owner: 'test', kinds: KINDS, rules, log: logs.open(), store: memoryCheckpoints(), live, partitions: 1 },
    ...{ documents: memoryDocuments({ time }), mostActorBytes: 1, flushMs: 100, time, faults: toldFaults() },
    receiverOf: () => ({ perform: async () => ({ outcome: 'done' as const }) }),
  })
  await time.advance(100)
  const { partition } = await processor
  const on = async (stream: string): Promise<string[]> => (await live.alive(time.now() - 65_000, stream))!
  const hear = async (stream: string): Promise<void> => {
    const appended = logs.open().append(0, [beat('a', time.now(), stream)])
    await time.advance(30_000)
    await appended
  }
  for (let n = 0; n < 6; n++) {
    await hear('x')
    expect(await on('x')).toEqual(['a'])
  }
  // With one byte of memory it is read anew for each of its beats.
  expect(partition.residents.counts.get('viewer')).toBe(0)
  await hear('y')
  expect([await on('x'), await on('y')]).toEqual([[], ['a']])
  await hear('y')
  await time.advance(60_000)
  expect(await on('y')).toEqual([])
  await (await processor).drain()
})

import { describe, expect, test } from 'vitest'
import { assign, setup } from 'xstate'
import type { Event } from '../actors/event.ts'
import type { ActorKind } from '../actors/index.ts'
import type { CheckpointStore } from '../src/checkpoint/index.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import { Partition } from '../src/partition/partition.ts'
import { recover } from '../src/partition/recovery.ts'
import { adder, type Sum } from './support/adder.ts'
import { allRecords } from './support/all-records.ts'
import { INCARNATION } from './support/checkpoint-records.ts'

const rules = { zone: 'UTC', inactivityMs: 1, gapMs: 1, lateMs: 1 }

/** Has a deadline at the number it was given; may fail to wake at it. */
const timer = (fails: boolean): ActorKind<Sum> => ({
  ...adder(() => false),
  machine: setup({
    types: {} as {
      context: { sum: number; deadline: number | null }
      events: { type: 'add'; n: number } | { type: 'deadline' }
    },
    actions: {
      set: assign(({ event }) => ({ deadline: event.type === 'add' ? event.n : null })),
      wake: assign(() => {
        if (fails) throw new Error('cannot wake')
        return { deadline: null }
      }),
    },
  }).createMachine({
    context: { sum: 0, deadline: null },
    on: { add: { actions: 'set' }, deadline: { actions: 'wake' } },
  }),
})

const add = (n: number, key = 'k'): Event => ({ kind: 'add', key, id: '', at: 0, arrival: 0, n })
const unpark = (verb: 'retry' | 'drop'): Event => ({ ...add(0), kind: `parked.${verb}`, actor: 'adder/k' })

/** A partition over `store` that has applied one entry for each list of events. */
async function applied(store: CheckpointStore, kind: ActorKind, entries: Event[][]): Promise<Partition> {
  const partition = new Partition(await store.claim(0, 'test'), [kind], rules, store)
  await recover(partition, store)
  for (const events of entries) await apply(partition, events)
  return partition
}

async function apply(partition: Partition, events: Event[]): Promise<void> {
  const entry = { seq: partition.applied + 1, events }
  await partition.prepare([entry])
  partition.apply(entry)
}

async function commit(partition: Partition, store: CheckpointStore): Promise<string[]> {
  const cut = partition.take()
  await store.commit(partition.claim, cut.seq, { incarnation: INCARNATION, ...cut.delta })
  return cut.effects.map(({ id }) => id)
}

const sumOf = async (partition: Partition, key = 'k') =>
  ((await partition.view('adder', key))?.context as Sum | undefined)?.sum

const refusesTwo = adder(n => n === 2)

describe('an event that its actor cannot take', () => {
  test('is parked with its error, and the actor stays as it was', async () => {
    const partition = await applied(memoryCheckpoints(), refusesTwo, [[add(1), add(2)]])
    expect(partition.parking.list()).toMatchObject([
      { actor: 'adder/k', error: 'cannot add 2', events: [{ index: 1 }] },
    ])
    expect(await sumOf(partition)).toBe(1)
  })

  test('says nothing', async () => {
    const store = memoryCheckpoints()
    const partition = await applied(store, refusesTwo, [[add(2)]])
    expect(await commit(partition, store)).toEqual([])
  })

  test('holds back the later events of its actor, not those of others', async () => {
    const partition = await applied(memoryCheckpoints(), refusesTwo, [[add(2), add(3), add(3, 'other')]])
    expect([partition.parking.list()[0]!.events.length, await sumOf(partition, 'other')]).toEqual([2, 3])
  })

  test('is parked still after a restart', async () => {
    const store = memoryCheckpoints()
    await commit(await applied(store, refusesTwo, [[add(1), add(2), add(3)]]), store)
    const partition = await applied(store, refusesTwo, [[add(4)]])
    expect(partition.parking.list()[0]!.events.map(({ event }) => event.n)).toEqual([2, 3, 4])
  })

  test('is applied by a retry once the actor can take it, and those behind it in order', async () => {
    const store = memoryCheckpoints()
    await commit(await applied(store, refusesTwo, [[add(1), add(2), add(3)]]), store)
    const partition = await applied(
      store,
      adder(() => false),
      [[unpark('retry')]],
    )
    expect([await sumOf(partition), partition.parking.list()]).toEqual([6, []])
    await commit(partition, store)
    const names = [...(await allRecords(store, partition.claim)).keys()]
    expect(names.filter(name => name.startsWith('["parked"'))).toEqual([])
  })

  test('is parked again by a retry that fails', async () => {
    const partition = await applied(memoryCheckpoints(), refusesTwo, [[add(2), add(3)], [unpark('retry')]])
    expect(partition.parking.list()[0]!.events.map(({ event }) => event.n)).toEqual([2, 3])
  })

  test('is gone by a drop, and those behind it are applied', async () => {
    const partition = await applied(memoryCheckpoints(), refusesTwo, [[add(2), add(3)], [unpark('drop')]])
    expect([await sumOf(partition), partition.parking.list()]).toEqual([3, []])
  })
})

describe('a deadline that its actor cannot take', () => {
  const tick = (at: number): Event => ({ ...add(0), kind: 'tick', at, epoch: 0 })

  test('is parked, and a retry after a restart sets it anew', async () => {
    const store = memoryCheckpoints()
    await commit(await applied(store, timer(true), [[add(5)], [tick(10)]]), store)
    const partition = await applied(store, timer(false), [])
    expect([partition.parking.list()[0]?.error, [...partition.wheel.entries()]]).toEqual(['cannot wake', []])
    await apply(partition, [unpark('retry')])
    expect([...partition.wheel.entries()]).toEqual([['adder/k', 5]])
  })

  test('is kept for an actor whose record cannot be read', async () => {
    const store = memoryCheckpoints()
    await commit(await applied(store, { ...timer(false), version: 2 }, [[add(5)]]), store)
    await commit(await applied(store, timer(false), [[tick(10)]]), store)
    const partition = await applied(store, { ...timer(false), version: 2 }, [[unpark('retry')]])
    expect([...partition.wheel.entries()]).toEqual([['adder/k', 5]])
  })
})

describe('effects', () => {
  test('of an actor are numbered within an entry, and a retry numbers its own', async () => {
    const store = memoryCheckpoints()
    let refuses = true
    const kind = adder(n => n === 2 && refuses)
    const partition = await applied(store, kind, [[add(1), add(1, 'other'), add(1), add(2)]])
    refuses = false
    await apply(partition, [unpark('retry')])
    expect(await commit(partition, store)).toEqual(['adder/k:1:0', 'adder/k:1:1', 'adder/other:1:0', 'adder/k:2:0'])
  })
})

describe('a checkpoint of a version that applied drops ahead of their turn', () => {
  test('has those passed over at their turn, once, though it is committed in between', async () => {
    const store = memoryCheckpoints()
    await commit(await applied(store, refusesTwo, [[add(2), add(3)]]), store)
    const clock = { time: 0, epoch: 0, ahead: [3], adopts: null }
    const puts = [{ space: 'aggregate' as const, names: ['clock'], value: clock }]
    await store.commit(await store.claim(0, 'test'), 1, { incarnation: INCARNATION, mark: null, puts, removes: [] })
    await commit(await applied(store, refusesTwo, [[add(4)]]), store)
    const partition = await applied(store, refusesTwo, [[unpark('drop')]])
    expect(partition.parking.list()[0]!.count).toBe(3)
    await commit(partition, store)
    const again = await applied(store, refusesTwo, [[unpark('drop')]])
    expect([again.clock.ahead, await sumOf(again), again.parking.list()]).toEqual([undefined, 7, []])
  })
})

describe('an actor whose record is of an unknown version', () => {
  test('is parked by name while the partition goes on', async () => {
    const store = memoryCheckpoints()
    await commit(
      await applied(
        store,
        adder(() => false, 2),
        [[add(1)]],
      ),
      store,
    )
    const partition = await applied(
      store,
      adder(() => false, 1),
      [[add(5), add(7, 'other')]],
    )
    expect(partition.parking.list()).toMatchObject([
      { actor: 'adder/k', error: 'adder snapshots of version 2 are unknown.' },
    ])
    expect(await sumOf(partition, 'other')).toBe(7)
  })

  test('keeps its record, and goes on from it with a program that knows the version', async () => {
    const store = memoryCheckpoints()
    await commit(
      await applied(
        store,
        adder(() => false, 2),
        [[add(1)]],
      ),
      store,
    )
    await commit(
      await applied(
        store,
        adder(() => false, 1),
        [[add(5)]],
      ),
      store,
    )
    const partition = await applied(
      store,
      adder(() => false, 2),
      [[unpark('retry')]],
    )
    expect(await sumOf(partition)).toBe(6)
  })

  test('comes up through its migrations', async () => {
    const store = memoryCheckpoints()
    await commit(
      await applied(
        store,
        adder(() => false, 1),
        [[add(1)]],
      ),
      store,
    )
    const newer = {
      ...adder(() => false, 2),
      migrations: { 1: (kept: unknown) => [2, (kept as unknown[])[1], { sum: 100, deadline: null }] },
    }
    expect(await sumOf(await applied(store, newer, [[add(1)]]))).toBe(101)
  })
})

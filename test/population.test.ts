import { describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { KINDS } from '../actors/kinds.ts'
import type { CheckpointRecord } from '../src/checkpoint/index.ts'
import { stateName } from '../src/inspect/edges.ts'
import { countActors } from '../src/partition/population.ts'
import type { KeptSnapshot } from '../src/partition/transitions.ts'
import { INCARNATION, load } from './support/checkpoint-records.ts'
import { history } from './support/history.ts'
import { MINUTE, NOON, OnePartition, tick } from './support/one-partition.ts'
import { seeded } from './support/random.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const KIND_NAMES = KINDS.map(({ kind }) => kind)
const beat = (key: string, at: number, path = '/'): Event => ({
  ...{ kind: 'heartbeat', key, id: '', at, arrival: at, path, stream: null, country: 'TW', groups: [] },
})

const shown = ({ partition }: OnePartition) => KIND_NAMES.map(kind => partition.population.of(kind))

/** As the records of the actors have it. */
async function counted({ store, partition }: OnePartition) {
  const records = await load(store, partition.claim, { space: 'actor', names: [] })
  return KIND_NAMES.map(name => {
    const states: Record<string, number> = {}
    for (const { names, value } of records) {
      if (names[0] !== name || names[2] !== '') continue
      const state = stateName((value as KeptSnapshot)[1])
      states[state] = (states[state] ?? 0) + 1
    }
    return states
  })
}

/** A partition of a former version: the record of its population is not there. */
async function forget({ store, partition }: OnePartition): Promise<void> {
  const claim = await store.claim(0, 'former')
  const removes = [{ space: 'aggregate' as const, names: ['states'] }]
  await store.commit(claim, partition.applied, { incarnation: INCARNATION, mark: null, puts: [], removes })
}

describe('the population of a partition', () => {
  test('adds up to the actors there are, through any history and restart', async () => {
    const random = seeded('population')
    for (let round = 0; round < 40; round++) {
      const one = await OnePartition.claim({ hasRows: random.chance(0.5) })
      for (const { events } of history(random, 40)) {
        await one.applyTogether(events)
        if (random.chance(0.1)) await one.restart()
        expect(shown(one)).toEqual(await counted(one))
      }
    }
  })

  test('is the same wherever a crash came between two commits', async () => {
    const one = await OnePartition.claim()
    await one.apply(beat('ann', NOON), beat('bob', NOON))
    const { partition } = one
    // Applied, and lost with its process.
    const entry = { seq: partition.applied + 1, events: [beat('cy', NOON)] }
    await partition.prepare([entry])
    partition.apply(entry)
    expect(partition.population.of('viewer')).toEqual({ watching: 3 })
    await one.restart()
    expect(one.partition.population.of('viewer')).toEqual({ watching: 2 })
    await one.apply(beat('cy', NOON), tick(NOON + 10 * MINUTE))
    expect(one.partition.population.of('viewer')).toEqual({ away: 3 })
  })

  test('is not moved by pulses, nor by an event that is parked', async () => {
    const one = await OnePartition.claim()
    await one.apply(beat('ann', NOON))
    const moved: string[] = []
    const { population } = one.partition
    const move = population.moved.bind(population)
    population.moved = (actor, former, next) => {
      moved.push(actor.id)
      move(actor, former, next)
    }
    await one.apply(beat('ann', NOON + 1_000), beat('ann', NOON + 2_000))
    expect([one.pulsed, moved]).toEqual([1, []])
    await one.apply({ ...beat('eve', NOON), groups: [7] } as unknown as Event)
    expect([one.partition.parking.has('viewer/eve'), moved]).toEqual([true, []])
    expect(population.of('viewer')).toEqual({ watching: 1 })
  })

  test('adds up for 2,000 viewers, of whom some are gone', async () => {
    const one = await OnePartition.claim()
    const all = Array.from({ length: 2_000 }, (_, n) => beat(`u${n}`, NOON + (n < 500 ? 0 : 8 * MINUTE)))
    await one.applyTogether(all.slice(0, 500), [tick(NOON + 7 * MINUTE)], all.slice(500))
    expect(one.partition.population.of('viewer')).toEqual({ away: 500, watching: 1_500 })
    await one.restart()
    expect(one.partition.population.of('viewer')).toEqual({ away: 500, watching: 1_500 })
  })
})

describe('a checkpoint of a former version', () => {
  const counting = ({ partition }: OnePartition, signal = new AbortController().signal) =>
    countActors(partition, { time: new ManualTime(), faults: toldFaults(), signal })

  test('has its actors counted once, and says nothing before', async () => {
    const one = await OnePartition.claim()
    // A visitor's day is a record of its own, and no actor.
    const visit = { kind: 'web-event', key: 'v', id: 'e', at: NOON, arrival: NOON }
    await one.apply(beat('ann', NOON), beat('bob', NOON), {
      ...visit,
      visit: { id: 'e', ts: NOON, page: '/' },
    })
    await forget(one)
    await one.restart()
    expect(one.partition.population.of('viewer')).toBeUndefined()
    await counting(one)
    expect(shown(one)).toEqual(await counted(one))
    await one.apply(beat('cy', NOON))
    await one.restart()
    expect(one.partition.population.of('viewer')).toEqual({ watching: 3 })
  })

  test('is counted whole while its actors go on and new ones come, in whichever order they are read', async () => {
    const random = seeded('population, counted')
    for (let round = 0; round < 60; round++) {
      const one = await OnePartition.claim()
      const keys = Array.from({ length: 30 }, (_, n) => `u${n}`)
      await one.applyTogether(keys.slice(0, 20).map(key => beat(key, NOON)))
      await forget(one)
      await one.restart()
      const { partition } = one
      let now = NOON
      // Records are read now and then, while what comes is applied and committed, or only applied.
      async function* slowly(kind: string): AsyncGenerator<CheckpointRecord> {
        for await (const record of partition.keptOf(kind)) {
          yield random.chance(0.5) ? record : { ...record, value: (await latest(one, record)) ?? record.value }
          if (!random.chance(0.4)) continue
          now += random.pick([0, 1_000, 10 * MINUTE])
          await one.apply(random.chance(0.5) ? beat(random.pick(keys), now) : tick(now))
        }
      }
      await partition.population.count(slowly, async () => true)
      expect(shown(one)).toEqual(await counted(one))
    }
  })

  test('is counted anew where a former version went on with it for a while', async () => {
    const one = await OnePartition.claim()
    await one.apply(beat('ann', NOON))
    const claim = await one.store.claim(0, 'former')
    const puts = await load(one.store, claim, { space: 'actor', names: ['viewer', 'ann', ''] })
    const former = { ...puts[0]!, names: ['viewer', 'bob', ''] }
    const clock = await load(one.store, claim, { space: 'aggregate', names: ['clock'] })
    const delta = { incarnation: INCARNATION, mark: null, puts: [former, ...clock], removes: [] }
    await one.store.commit(claim, one.partition.applied + 1, delta)
    await one.restart()
    expect(one.partition.population.of('viewer')).toBeUndefined()
    await counting(one)
    expect(one.partition.population.of('viewer')).toEqual({ watching: 2 })
  })

  test('is not read to its end by a process that ends', async () => {
    const one = await OnePartition.claim()
    await one.applyTogether(Array.from({ length: 1_200 }, (_, n) => beat(`u${n}`, NOON)))
    await forget(one)
    await one.restart()
    await counting(one, AbortSignal.abort())
    expect(one.partition.population.of('viewer')).toBeUndefined()
  })
})

/** The record as it is by now, as a store that reads in place may give it. */
async function latest({ store, partition }: OnePartition, { space, names }: CheckpointRecord): Promise<unknown> {
  const [found] = await load(store, partition.claim, { space, names })
  return found?.value
}

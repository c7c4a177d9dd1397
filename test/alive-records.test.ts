import { expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import type { RecordKey } from '../src/checkpoint/index.ts'
import { load } from './support/checkpoint-records.ts'
import { NOON, OnePartition } from './support/one-partition.ts'
import { seeded } from './support/random.ts'

const ALIVE: RecordKey = { space: 'aggregate', names: ['alive'] }
const STREAMS = ['x', 'y', null]

const beat = (key: string, at: number, stream: string | null): Event => ({
  ...{ kind: 'heartbeat', key, id: '', at, arrival: at, path: `/${stream}`, stream, country: 'TW', groups: [] },
})

const claimWord = (at: number): Event => ({ kind: 'claim', key: '', id: '', at, arrival: at, epoch: 1 })

const aliveIn = ({ partition: { counters } }: OnePartition, now: number): number[] =>
  [undefined, 'x', 'y'].map(stream => counters.alive(now, stream))

const kept = ({ store, partition }: OnePartition, key = ALIVE) => load(store, partition.claim, key)

async function commit({ store, partition }: OnePartition, puts: object[], removes: RecordKey[] = []): Promise<void> {
  const { cut } = partition.claim
  const delta = { incarnation: partition.claim.incarnation!, mark: null, removes, puts: puts as [] }
  await store.commit(partition.claim, cut, delta)
}

test('who is alive is known after a claim without reading a viewer', async () => {
  const one = await OnePartition.claim()
  await one.apply(claimWord(NOON), beat('a', NOON, 'x'), beat('a', NOON + 20_000, 'x'))
  await one.restart()
  expect(aliveIn(one, NOON + 80_000)).toEqual([1, 1, 0])
  expect(one.partition.residents.has('viewer/a')).toBe(false)
})

test('who is alive is the same after a claim as before, and as if it were counted anew', async () => {
  const random = seeded('alive records')
  for (let round = 0; round < 30; round++) {
    const one = await OnePartition.claim()
    let now = NOON
    await one.apply(claimWord(now))
    for (let n = 0; n < 40; n++) {
      now += random.pick([1_000, 7_000, 30_000])
      await one.apply(beat(`u${random.int(0, 5)}`, now - random.pick([0, 400, 20_000]), random.pick(STREAMS)))
      if (random.chance(0.1)) one.partition.evict(now)
      if (random.chance(0.1)) await one.apply({ ...claimWord(now), kind: 'tick' })
      if (!random.chance(0.2)) continue
      const before = aliveIn(one, now)
      await one.restart()
      expect(aliveIn(one, now)).toEqual(before)
      // A former version knows nothing of these records.
      await commit(one, [], await kept(one))
      await one.restart()
      expect(aliveIn(one, now)).toEqual(before)
    }
  }
})

test('viewers are counted anew where a former version has committed since', async () => {
  const one = await OnePartition.claim()
  await one.apply(claimWord(NOON), beat('a', NOON, 'x'), beat('b', NOON, 'x'))
  const old = await kept(one)
  await one.apply(beat('a', NOON + 5_000, 'y'), beat('c', NOON + 5_000, 'y'))
  await commit(one, old)
  await one.restart()
  expect(aliveIn(one, NOON + 5_000)).toEqual([3, 1, 2])
})

test('viewers are counted anew where a clock that was ahead has forgotten them', async () => {
  const one = await OnePartition.claim()
  await one.apply(claimWord(NOON), beat('a', NOON, 'x'))
  one.partition.evict(NOON + 3_600_000)
  await one.apply(beat('b', NOON + 1_000, 'x'))
  await one.restart()
  expect(aliveIn(one, NOON + 1_000)).toEqual([2, 2, 0])
})

test('a stream on which nobody is alive has no record', async () => {
  const one = await OnePartition.claim()
  await one.apply(claimWord(NOON), beat('a', NOON, 'x'))
  one.partition.evict(NOON + 200_000)
  await one.apply(beat('b', NOON + 200_000, 'y'))
  expect((await kept(one)).map(({ names }) => names)).toEqual([['alive'], ['alive', 'y']])
})

test('records of pulses go though those who are in them do not come back', async () => {
  const one = await OnePartition.claim()
  await one.apply(claimWord(NOON))
  await one.applyTogether([beat('a', NOON, 'x'), beat('b', NOON, 'x')])
  await one.applyTogether([beat('a', NOON + 1_000, 'x'), beat('b', NOON + 1_000, 'x')])
  await one.apply(beat('a', NOON + 2_000, 'y'))
  await one.restart()
  await one.apply(beat('b', NOON + 2_000, 'y'), beat('c', NOON + 3_000, 'y'))
  expect(await kept(one, { space: 'aggregate', names: ['pulses'] })).toEqual([])
})

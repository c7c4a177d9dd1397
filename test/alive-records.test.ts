import { expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import type { AliveRecord } from '../src/audience/alive-counter.ts'
import type { CheckpointRecord, RecordKey } from '../src/checkpoint/index.ts'
import { load } from './support/checkpoint-records.ts'
import { NOON, OnePartition } from './support/one-partition.ts'
import { seeded } from './support/random.ts'

const ALIVE: RecordKey = { space: 'aggregate', names: ['alive'] }
const STREAMS = ['x', 'y', null]

const beat = (key: string, at: number, stream: string | null): Event => ({
  ...{ kind: 'heartbeat', key, id: '', at, arrival: at, path: `/${stream}`, stream, country: 'TW', groups: [] },
})

const claimWord = (at: number): Event => ({ kind: 'claim', key: '', id: '', at, arrival: at, epoch: 1 })

const word = (at: number): Event => ({ ...claimWord(at), kind: 'tick' })

const aliveIn = ({ partition: { counters } }: OnePartition, now: number): number[] =>
  [undefined, 'x', 'y'].map(stream => counters.alive(now, stream))

const kept = ({ store, partition }: OnePartition, key = ALIVE) => load(store, partition.claim, key)

/** The seconds that count, as records have them. */
function counted(records: CheckpointRecord[]): Record<string, [second: number, viewers: number][]> {
  const first = (records.find(({ names }) => names.length === 1)!.value as AliveRecord).since
  const found = records.map(({ names, value }): [string, [number, number][]] => {
    const { since, counts } = value as AliveRecord
    const pairs = Array.from({ length: counts.length / 2 }, (_, i): [number, number] => [
      since + counts[2 * i]!,
      counts[2 * i + 1]!,
    ])
    return [names.join(' '), pairs.filter(([second]) => second >= first)]
  })
  return Object.fromEntries(found.filter(([, pairs]) => pairs.length > 0))
}

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
      if (random.chance(0.1)) await one.apply(word(now))
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
  await one.apply(claimWord(NOON), beat('a', NOON, 'x'), claimWord(NOON + 3_600_000))
  one.partition.evict(NOON + 3_600_000)
  await one.apply(claimWord(NOON), beat('b', NOON + 1_000, 'x'))
  await one.restart()
  expect(aliveIn(one, NOON + 1_000)).toEqual([2, 2, 0])
})

test('no viewer is read at a claim though partition time was not told for long', async () => {
  const one = await OnePartition.claim()
  await one.apply(claimWord(NOON), beat('a', NOON, 'x'), beat('b', NOON + 250_000, 'x'))
  one.partition.evict(NOON + 250_000)
  expect(aliveIn(one, NOON + 250_000)).toEqual([1, 1, 0])
  await one.apply(beat('b', NOON + 260_000, 'x'))
  await one.restart()
  expect(aliveIn(one, NOON + 260_000)).toEqual([1, 1, 0])
  expect(one.partition.residents.has('viewer/a')).toBe(false)
})

test('the records are a function of the log, whenever and by whichever clock somebody asks', async () => {
  const random = seeded('alive asked')
  for (let round = 0; round < 20; round++) {
    const [alone, asked] = [await OnePartition.claim(), await OnePartition.claim()]
    let now = NOON
    const both = async (event: Event): Promise<void> => {
      for (const one of [alone, asked]) await one.apply(event)
    }
    await both(claimWord(now))
    for (let n = 0; n < 40; n++) {
      now += random.pick([1_000, 7_000, 100_000])
      if (random.chance(0.2)) await both(word(now + random.pick([0, 0, 90_000, -90_000])))
      await both(beat(`u${random.int(0, 5)}`, now - random.pick([0, 400, 20_000]), random.pick(STREAMS)))
      const wall = now + random.pick([0, 1_000, 500_000, -500_000])
      aliveIn(asked, wall)
      if (random.chance(0.3)) asked.partition.evict(wall)
      expect(counted(await kept(asked))).toEqual(counted(await kept(alone)))
    }
  }
})

test('a stream on which nobody is alive has no record', async () => {
  const one = await OnePartition.claim()
  await one.apply(claimWord(NOON), beat('a', NOON, 'x'), word(NOON + 300_000))
  one.partition.evict(NOON + 300_000)
  await one.apply(beat('b', NOON + 300_000, 'y'))
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

import { expect, test } from 'vitest'
import { LiveSetsLost } from '../../src/audience/index.ts'
import { memoryLiveSets } from '../../src/audience/memory.ts'
import { systemTime } from '../../src/time.ts'
import { beat, liveSetsContract, NOW } from './live-sets.ts'

const PARTITIONS = 16

async function wholeSets() {
  const sets = memoryLiveSets(systemTime, PARTITIONS)
  for (let partition = 0; partition < PARTITIONS; partition++) await sets.rebuild(partition, [])
  return sets
}

liveSetsContract('in memory', async () => {
  const sets = await wholeSets()
  return { sets, again: async () => sets, destroy: () => sets.close() }
})

test('live sets in memory forget who is no longer alive', async () => {
  const sets = await wholeSets()
  const left = Array.from({ length: 1_000 }, (_, i) => beat(`u${i}`, NOW + i))
  await sets.publish(0, left, [])
  await sets.publish(1, [beat('newest', NOW + 65_999)], [])
  expect((await sets.alive(0))!.sort()).toEqual(['newest', 'u999'])
})

test('live sets in memory are bounded by who beat in the last two minutes', async () => {
  const sets = await wholeSets()
  for (let second = 0; second < 1_000; second++) {
    await sets.publish(0, [beat(`u${second}`, NOW + second * 1_000)], [])
    expect((await sets.alive(0))!.length).toBeLessThanOrEqual(131)
  }
})

test('live sets in memory know nobody before all partitions are whole, and then those who were there before', async () => {
  const sets = memoryLiveSets(systemTime, 2)
  await expect(sets.publish(0, [beat('a')], [])).rejects.toThrow(LiveSetsLost)
  await sets.rebuild(0, [{ present: [beat('a')] }])
  expect([await sets.alive(NOW), await sets.isCurrent(0), await sets.isCurrent(1)]).toEqual([null, true, false])
  await sets.rebuild(1, [{ present: [beat('b')] }])
  expect((await sets.alive(NOW))!.sort()).toEqual(['a', 'b'])
})

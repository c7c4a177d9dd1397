import { expect, test } from 'vitest'
import { memoryLiveSets } from '../../src/audience/memory.ts'
import { systemTime } from '../../src/time.ts'
import { beat, liveSetsContract, NOW } from './live-sets.ts'

liveSetsContract('in memory', async () => {
  const sets = memoryLiveSets(systemTime)
  return { sets, again: async () => sets, destroy: () => sets.close() }
})

test('live sets in memory forget who is no longer alive', async () => {
  const sets = memoryLiveSets(systemTime)
  const left = Array.from({ length: 1_000 }, (_, i) => beat(`u${i}`, NOW + i))
  await sets.publish(0, left, [])
  await sets.publish(1, [beat('newest', NOW + 65_999)], [])
  expect((await sets.alive(0)).sort()).toEqual(['newest', 'u999'])
})

test('live sets in memory are bounded by who beat in the last two minutes', async () => {
  const sets = memoryLiveSets(systemTime)
  for (let second = 0; second < 1_000; second++) {
    await sets.publish(0, [beat(`u${second}`, NOW + second * 1_000)], [])
    expect((await sets.alive(0)).length).toBeLessThanOrEqual(131)
  }
})

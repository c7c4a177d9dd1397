import { describe, expect, test } from 'vitest'
import { type Point, STEPS } from '../../src/observe/steps.ts'
import { textOf } from '../support/imports.ts'
import { adoptionScene } from './adoption.ts'
import { crashed, type Scene, someOf, undisturbed } from './crash.ts'
import { leaseScene } from './lease.ts'
import { partitionScene } from './partition.ts'
import { inMemory, onDisk } from './places.ts'
import { recomputationScene } from './recomputation.ts'
import { trimmingScene } from './trimming.ts'

const ON_DISK = 'a partition on a disk'
const SCENES: Record<string, () => Promise<Scene>> = {
  'a partition': partitionScene(inMemory),
  [ON_DISK]: partitionScene(onDisk),
  'an adoption': adoptionScene,
  'a lease': leaseScene,
  'a trimming': trimmingScene,
  'a recomputation': recomputationScene,
}

/** Commands are killed at theirs in `commands.test.ts`. */
const points = STEPS.filter(step => !/^(repair|recompute)\./.test(step)).flatMap((step): Point[] => [
  `before ${step}`,
  `after ${step}`,
])
const reached = new Set<Point>()
let crashes = 0

for (const [name, make] of Object.entries(SCENES)) {
  const { times, remains } = await undisturbed(await make())
  const own = points.filter(point => times.has(point))
  for (const point of own) reached.add(point)
  describe(name, () => {
    test.each(own)('that ends %s is, when another has gone on, as without', async point => {
      for (const nth of someOf(times.get(point)!, name === ON_DISK)) {
        const ended = await crashed(await make(), point, nth)
        // In which order things end on a disk is its own matter; in memory each point is come to once at least.
        if (ended === null && (nth > 1 || name === ON_DISK)) continue
        expect(ended?.left, `time ${nth} of ${times.get(point)}`).toEqual(remains)
        crashes += ended!.crashes
      }
    })
  })
}

test('the points', () => {
  console.log(`crash points: ${reached.size}, crashes: ${crashes}`)
  expect(points.filter(point => !reached.has(point))).toEqual([])
})

test('the number of points that the README says', () => {
  expect(textOf('README.md')).toContain(`crash points: ${points.length}, crashes: `)
})

import { LogInMemory } from '../../src/log/memory.ts'
import { KEPT_MS, startTrimming } from '../../src/log/trimming.ts'
import { event } from '../support/entries.ts'
import { NOON } from '../support/one-partition.ts'
import { ManualTime, toldFaults } from '../support/time.ts'
import { passing, type Scene } from './crash.ts'

const HOUR_MS = 3_600_000
const CUTS = new Map([
  [0, 6],
  [1, 2],
])

/** A log of two partitions, of which some entries are old enough to go. */
export async function trimmingScene(): Promise<Scene> {
  const made = new ManualTime(NOON)
  const held = new LogInMemory({ partitions: 2, settings: {}, time: made })
  const filled = held.open()
  for (const partition of [0, 1]) {
    for (let i = 1; i <= 8; i++) {
      await passing(
        ms => made.advance(ms),
        filled.append(partition, [event('', { arrival: NOON + i * HOUR_MS })]),
        Promise.race([]),
      )
    }
  }
  return {
    async live(steps, died) {
      const time = new ManualTime(NOON + KEPT_MS + 3.5 * HOUR_MS)
      const trimming = startTrimming({
        log: held.open({ time }),
        cuts: async () => CUTS,
        ...{ time, steps, faults: toldFaults() },
      })
      await Promise.race([time.advance(HOUR_MS).then(() => trimming.close()), died])
    },
    remains: () => Promise.all([0, 1].map(partition => filled.bounds(partition))),
  }
}

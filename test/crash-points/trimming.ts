import type { Seq } from '../../src/log/index.ts'
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
  const copies = new Map<number, { cut: Seq; at: number }>()
  return {
    async live(steps, died) {
      const time = new ManualTime(NOON + KEPT_MS + 3.5 * HOUR_MS)
      const trimming = startTrimming({
        log: held.open({ time }),
        cuts: async () => CUTS,
        keeper: {
          kept: async partition => [copies.get(partition)].flatMap(copy => copy ?? []),
          async keep(partition) {
            const copy = { cut: CUTS.get(partition)!, at: time.now() }
            copies.set(partition, copy)
            return copy
          },
        },
        ...{ time, steps, faults: toldFaults() },
      })
      await Promise.race([time.advance(HOUR_MS).then(() => trimming.close()), died])
    },
    remains: async () => ({ bounds: await Promise.all([0, 1].map(p => filled.bounds(p))), kept: [...copies.keys()] }),
  }
}

import { memoryCheckpoints } from '../../src/checkpoint/memory.ts'
import { memoryDocuments } from '../../src/documents/memory.ts'
import { LogInMemory } from '../../src/log/memory.ts'
import { adopt } from '../../src/ownership/adopt.ts'
import type { OwnLog } from '../../src/stores.ts'
import { allRecords } from '../support/all-records.ts'
import { event } from '../support/entries.ts'
import { NOON } from '../support/one-partition.ts'
import { ManualTime } from '../support/time.ts'
import { passing, type Scene } from './crash.ts'

const PARTITIONS = 3

/** Partitions whose checkpoint is lost: of one the log, too, of another the beginning of the log; one brings all back. */
export async function adoptionScene(): Promise<Scene> {
  const time = new ManualTime(NOON)
  const held = new LogInMemory({ partitions: PARTITIONS, settings: {}, time })
  const log = held.open()
  const store = memoryCheckpoints()
  const documents = memoryDocuments({ time })
  for (const partition of [0, 1, 2]) {
    await documents.upsertMany('statistics', [{ id: `w/${partition}`, seq: 2, set: { partition } }])
    for (let seq = 1; partition > 0 && seq <= 3; seq++) {
      await passing(ms => time.advance(ms), log.append(partition, [event('', { arrival: NOON })]), Promise.race([]))
    }
  }
  await log.trim(1, 2)
  const kept = new Set<number>()
  const keep = async (partition: number): Promise<null> => {
    kept.add(partition)
    return null
  }
  return {
    live: (steps, died) =>
      Promise.race([
        adopt({ log: log as unknown as OwnLog, store, documents, partitions: PARTITIONS, time, keep, steps }),
        died,
      ]),
    remains: async () =>
      Promise.all(
        [0, 1, 2].map(async partition => {
          const { incarnation, ...bounds } = await log.bounds(partition)
          const kept = await store.peek(partition)
          const claim = await store.claim(partition, 'test')
          const isOfTheLog = kept?.incarnation === incarnation
          return { bounds, cut: kept?.cut ?? null, isOfTheLog, records: await allRecords(store, claim) }
        }),
      ),
  }
}

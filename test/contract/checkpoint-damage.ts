import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CheckpointStore, RecordKey } from '../../src/checkpoint/index.ts'
import { actors, delta, load, put } from '../support/checkpoint-records.ts'
import type { OpenedCheckpoints } from './checkpoint-store.ts'

const RECORD: RecordKey = { space: 'actor', names: ['visitor', 'ann', 'day'] }
const BITS = [0, 6, 9, 21, 40, 70, 90]

/** Damage, as each checkpoint store has to find it. */
export function checkpointDamage(name: string, open: () => Promise<OpenedCheckpoints>): void {
  describe(`damage to the checkpoint store, ${name},`, () => {
    let opened: OpenedCheckpoints
    let store: CheckpointStore

    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.destroy())

    /** Commits the record to the partition, over some others. */
    const commit = async (partition: number, value: unknown): Promise<void> => {
      const claim = await store.claim(partition, 'first')
      const { space, names } = RECORD
      await store.commit(claim, 1, delta([...actors(3, 'others'), put(space, names, value)]))
    }
    /** As who opens the store next reads the record. */
    const read = async (partition: number): Promise<unknown> => {
      const other = await opened.again()
      const claim = await other.claim(partition, 'second')
      return (await load(other, claim, RECORD))[0]?.value
    }

    test('is named by partition and place, whichever bit of a record is another one', async () => {
      for (const [partition, bit] of BITS.entries()) {
        await commit(partition, { events: ['a', 'b'] })
        await opened.flip(partition, RECORD, bit)
        const part = String.raw`(record actor/visitor/ann/day|piece ${partition}/\S+( \(from the record .+\))?)`
        const message = expect.stringMatching(new RegExp(`^Partition ${partition}: the ${part} of the checkpoint `))
        await expect(read(partition), `bit ${bit}`).rejects.toMatchObject({ code: 'RC_CHECKPOINT_CORRUPT', message })
      }
    })

    test('to a partition keeps nobody from another one', async () => {
      await commit(2, 'here')
      await commit(3, 'there')
      await opened.flip(3, RECORD, 70)
      expect(await read(2)).toBe('here')
      await expect(read(3)).rejects.toMatchObject({ code: 'RC_CHECKPOINT_CORRUPT' })
    })
  })
}

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DocumentStore } from '../../src/documents/index.ts'
import { ManualTime } from '../support/time.ts'
import type { OpenedDocuments } from './document-store.ts'

const HOUR_MS = 3_600_000

/** Traces of removed documents, in stores that let go of them themselves. */
export function documentTracesContract(name: string, open: (time: ManualTime) => Promise<OpenedDocuments>): void {
  describe(`the traces of removed documents, ${name},`, () => {
    let opened: OpenedDocuments
    let store: DocumentStore
    let time: ManualTime

    beforeEach(async () => {
      time = new ManualTime()
      opened = await open(time)
      store = opened.store
    })
    afterEach(() => opened.destroy())

    const older = { id: 's1', seq: 4, set: { userId: 'u1' } }
    const waysToRemove: [string, () => Promise<unknown>, () => Promise<unknown>][] = [
      [
        'a removal',
        () => store.removeMany('sessions', ['s1'], 6),
        // Traces are swept when others are removed.
        () => store.removeMany('sessions', [], 0),
      ],
      [
        'a removal by a filter',
        () => store.removeWhere('sessions', { userId: 'u1' }),
        () => store.removeWhere('sessions', { userId: 'nobody' }),
      ],
    ]

    test.each(
      waysToRemove,
    )('keep older writes out for an hour after %s, and only that long', async (_, remove, sweep) => {
      await store.upsertMany('sessions', [{ ...older, seq: 5 }])
      await remove()
      const written = async (): Promise<boolean> => {
        await sweep()
        await store.upsertMany('sessions', [older])
        return (await store.get('sessions', 's1')) !== null
      }
      await time.advance(HOUR_MS)
      expect(await written()).toBe(false)
      await time.advance(1)
      expect(await written()).toBe(true)
    })
  })
}

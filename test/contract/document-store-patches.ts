import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Document, DocumentStore, Upsert } from '../../src/documents/index.ts'
import { idsOf } from '../support/documents.ts'
import type { OpenedDocuments } from './document-store.ts'

/** Removals by a filter, and patches beside the seq, as every document store does them. */
export function documentPatchesContract(name: string, open: () => Promise<OpenedDocuments>): void {
  describe(`the documents, ${name},`, () => {
    let opened: OpenedDocuments
    let store: DocumentStore

    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.destroy())

    const upsert = (id: string, seq: number, set: Upsert['set']): Promise<void> =>
      store.upsertMany('sessions', [{ id, seq, set }])
    const session = (id = 's1'): Promise<Document | null> => store.get('sessions', id)
    const ids = async (filter: Record<string, unknown> = {}): Promise<string[]> =>
      idsOf(await store.find('sessions', { filter }))

    describe('when removed by a filter,', () => {
      test('are gone if they match, in every way to find them, and stay if not', async () => {
        await store.upsertMany('sessions', [
          { id: 's1', seq: 1, set: { userId: 'u1', plain: 1 } },
          { id: 's2', seq: 2, set: { userId: 'u1', plain: 2 } },
          { id: 's3', seq: 3, set: { userId: 'u2', plain: 1 } },
          { id: 's4', seq: 4, set: { userId: 'u1', plain: 1 } },
        ])
        await store.removeWhere('sessions', { userId: 'u1', plain: { $lt: 2 } })
        for (const filter of [{}, { userId: { $in: ['u1', 'u2'] } }, { plain: { $gte: 1 } }])
          expect(await ids(filter)).toEqual(['s2', 's3'])
        expect(await session('s1')).toBeNull()
      })

      test('are counted', async () => {
        await store.upsertMany(
          'sessions',
          ['a', 'b', 'c'].map(id => ({ id, seq: 1, set: { active: id !== 'c' } })),
        )
        expect(await store.removeWhere('sessions', { active: true })).toBe(2)
        expect(await store.removeWhere('sessions', { active: true })).toBe(0)
      })

      test('stay in the other collections', async () => {
        await store.upsertMany('users', [{ id: 's1', seq: 1, set: { userId: 'u1' } }])
        await upsert('s1', 1, { userId: 'u1' })
        await store.removeWhere('sessions', { userId: 'u1' })
        expect(await store.get('users', 's1')).toEqual({ _id: 's1', userId: 'u1' })
      })

      test('do not come back by a write that is older than they were', async () => {
        await upsert('s1', 5, { userId: 'u1' })
        await store.removeWhere('sessions', {})
        await upsert('s1', 4, { userId: 'u1' })
        expect(await session()).toBeNull()
      })

      test('start anew by a write that is newer than they were', async () => {
        await upsert('s1', 5, { userId: 'u1' })
        await store.removeWhere('sessions', {})
        await upsert('s1', 6, { title: 'again' })
        expect(await session()).toStrictEqual({ _id: 's1', title: 'again' })
      })

      test('stay if they were rewritten meanwhile so that they match no more, 50 times', async () => {
        const other = await opened.again()
        await store.removeWhere('sessions', {})
        for (let race = 0; race < 50; race++) {
          const id = `s${race}`
          await upsert(id, 1, { userId: 'before' })
          await Promise.all([
            other.upsertMany('sessions', [{ id, seq: 2, set: { userId: 'after' } }]),
            store.removeWhere('sessions', { userId: 'before' }),
          ])
          expect(await session(id)).toEqual({ _id: id, userId: 'after' })
        }
      })
    })

    describe('when patched,', () => {
      beforeEach(() => upsert('s1', 5, { title: 'a', metadata: { name: 'n', viewerCount: 1, viewersAt: 10 } }))

      const patch = (viewersAt: number, viewerCount: number, id = 's1'): Promise<void> => {
        const set = { 'metadata.viewerCount': viewerCount, 'metadata.viewersAt': viewersAt }
        return store.patchMany('sessions', 'metadata.viewersAt', [{ id, set }])
      }

      test('have the new fields beside those that are not named', async () => {
        await patch(11, 2)
        const metadata = { name: 'n', viewerCount: 2, viewersAt: 11 }
        expect(await session()).toStrictEqual({ _id: 's1', title: 'a', metadata })
      })

      test.each([
        ['as great', 10],
        ['greater', 9],
      ])('keep what they have if their own guard is %s', async (_what, viewersAt) => {
        await patch(viewersAt, 2)
        expect((await session())?.metadata).toEqual({ name: 'n', viewerCount: 1, viewersAt: 10 })
      })

      test.each([
        ['nothing', undefined],
        ['null', null],
        ['no number', 'later'],
      ])('take the patch if their own guard is %s', async (_what, viewersAt) => {
        await upsert('s2', 1, { metadata: { viewersAt } })
        await patch(-1, 2, 's2')
        expect((await session('s2'))?.metadata).toEqual({ viewerCount: 2, viewersAt: -1 })
      })

      test('can be guarded by a field at the top', async () => {
        await upsert('s2', 1, { at: 7 })
        const patchOf = (at: number, value: string) => ({ id: 's2', set: { at, value } })
        await store.patchMany('sessions', 'at', [patchOf(8, 'newer')])
        await store.patchMany('sessions', 'at', [patchOf(7, 'older')])
        expect(await session('s2')).toEqual({ _id: 's2', at: 8, value: 'newer' })
      })

      test('hold the greatest guard of one call, whatever the order', async () => {
        const patches = [12, 14, 13].map(at => ({ id: 's1', set: { 'metadata.viewersAt': at, [`from${at}`]: true } }))
        await store.patchMany('sessions', 'metadata.viewersAt', patches)
        expect(await session()).toMatchObject({ from12: true, from14: true, metadata: { viewersAt: 14 } })
        expect(await session()).not.toHaveProperty('from13')
      })

      test('are found by their new values only', async () => {
        await upsert('s2', 1, { userId: 'before', at: 1 })
        await store.patchMany('sessions', 'at', [{ id: 's2', set: { userId: 'after', at: 2 } }])
        expect(await ids({ userId: 'before' })).toEqual([])
        expect(await ids({ userId: 'after' })).toEqual(['s2'])
      })

      test('still take a write of the seq they have', async () => {
        await patch(11, 2)
        await upsert('s1', 5, { title: 'b' })
        expect((await session())?.title).toBe('b')
      })

      test('still ignore a write that is older than they are', async () => {
        await patch(11, 2)
        await upsert('s1', 4, { title: 'b' })
        expect((await session())?.title).toBe('a')
      })

      test('are not made', async () => {
        await patch(11, 2, 's2')
        expect(await session('s2')).toBeNull()
        expect(await ids()).toEqual(['s1'])
      })

      test('do not come back from a removal', async () => {
        await store.removeMany('sessions', ['s1'], 5)
        await patch(11, 2)
        expect(await session()).toBeNull()
        expect(await ids()).toEqual([])
      })

      test('hold both a patch and a write of the same moment, 50 times', async () => {
        const other = await opened.again()
        for (let race = 1; race <= 50; race++) {
          const upserts = [{ id: 's1', seq: 5 + race, set: { title: `t${race}` } }]
          await Promise.all([other.upsertMany('sessions', upserts), patch(10 + race, race)])
          expect(await session()).toMatchObject({ title: `t${race}`, metadata: { viewerCount: race } })
        }
      })
    })
  })
}

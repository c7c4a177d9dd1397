import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DocumentStore } from '../../src/documents/index.ts'
import { idsOf, oneByOne } from '../support/documents.ts'
import { seeded } from '../support/random.ts'
import { documentFiltersContract } from './document-store-filters.ts'
import { documentLookupsContract } from './document-store-lookups.ts'
import { documentOrderContract } from './document-store-order.ts'
import { documentPatchesContract } from './document-store-patches.ts'
import { documentTextOrderContract } from './document-store-text-order.ts'

/** A fresh, empty store. */
export interface OpenedDocuments {
  store: DocumentStore
  /** another handle on the same documents */
  again(): Promise<DocumentStore>
  destroy(): Promise<void>
}

/** The contract of every document store. */
export function documentStoreContract(name: string, open: () => Promise<OpenedDocuments>): void {
  documentFiltersContract(name, open)
  documentOrderContract(name, open)
  documentTextOrderContract(name, open)
  documentLookupsContract(name, open)
  documentPatchesContract(name, open)

  describe(`the documents, ${name},`, () => {
    let opened: OpenedDocuments
    let store: DocumentStore

    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.destroy())

    const { upsert, found } = oneByOne(() => store)

    describe('when written,', () => {
      test('come back with their id and fields and nothing else', async () => {
        const set = {
          ...{ title: 'Grüße 🎥', count: -1.5, at: 1_767_225_600_123, big: Number.MAX_SAFE_INTEGER, active: false },
          ...{ empty: '', nothing: null, tags: ['a', 'b'], none: [], status: { preset: 'sd', deep: [{ x: [1] }] } },
        }
        await upsert('s1', 7, set)
        expect(await store.get('sessions', 's1')).toStrictEqual({ _id: 's1', ...set })
        expect(await store.find('sessions', {})).toStrictEqual([{ _id: 's1', ...set }])
      })

      test('keep dates, and names inside of a field that no field may have', async () => {
        const context = { $a: 1, 'a.b': { $c: { 'd.$e': null } }, __proto: [] }
        const set = { context, children: {}, at: new Date(1_767_225_600_123) }
        await store.upsertMany('actors', [{ id: 'visitor/a.$b', seq: 1, set }])
        expect(await store.get('actors', 'visitor/a.$b')).toStrictEqual({ _id: 'visitor/a.$b', ...set })
        await store.upsertMany('actors', [{ id: 'visitor/a.$b', seq: 2, set: { context: { $a: 2 } } }])
        expect(await store.get('actors', 'visitor/a.$b')).toMatchObject({ context: { $a: 2 }, at: set.at })
      })

      test('keep the fields that a later write does not name', async () => {
        await upsert('s1', 1, { title: 'a', active: true })
        await upsert('s1', 2, { title: 'b' })
        expect(await store.get('sessions', 's1')).toStrictEqual({ _id: 's1', title: 'b', active: true })
      })

      test('replace an object or a list that is set by its own name', async () => {
        await upsert('s1', 1, { status: { preset: 'sd', old: 1 }, tags: ['a', 'b'] })
        await upsert('s1', 2, { status: { preset: 'preview' }, tags: ['c'] })
        const expected = { _id: 's1', status: { preset: 'preview' }, tags: ['c'] }
        expect(await store.get('sessions', 's1')).toStrictEqual(expected)
      })

      test('take a dotted name as a way into nested objects', async () => {
        await upsert('s1', 1, { metadata: { name: 'n', viewerCount: 1 } })
        await upsert('s1', 2, { 'metadata.viewerCount': 5, 'rating.by.a': 4 })
        const expected = { _id: 's1', metadata: { name: 'n', viewerCount: 5 }, rating: { by: { a: 4 } } }
        expect(await store.get('sessions', 's1')).toStrictEqual(expected)
      })

      test('leave what they were given as it was', async () => {
        const status = { preset: 'sd' }
        await store.upsertMany('sessions', [
          { id: 's1', seq: 1, set: { status } },
          { id: 's1', seq: 2, set: { 'status.preset': 'preview' } },
        ])
        expect(status).toStrictEqual({ preset: 'sd' })
      })

      test('ignore undefined', async () => {
        await upsert('s1', 1, { title: 'a', gone: undefined })
        await upsert('s1', 2, { title: undefined })
        expect(await store.get('sessions', 's1')).toStrictEqual({ _id: 's1', title: 'a' })
      })

      test('apply writes to one document in the order of the call', async () => {
        await store.upsertMany('sessions', [
          { id: 's1', seq: 1, set: { title: 'a', userId: 'u1' } },
          { id: 's1', seq: 2, set: { title: 'b' } },
          { id: 's1', seq: 1, set: { title: 'c', active: true } },
        ])
        expect(await store.get('sessions', 's1')).toStrictEqual({ _id: 's1', title: 'b', userId: 'u1' })
      })

      test('are all there after one call with thousands', async () => {
        const upserts = Array.from({ length: 2_500 }, (_, i) => ({ id: `s${i}`, seq: 1, set: { userId: `u${i % 5}` } }))
        await store.upsertMany('sessions', upserts)
        expect(await found({})).toEqual(upserts.map(({ id }) => id).sort())
        expect(await found({ userId: 'u3' })).toHaveLength(500)
      })

      test('are null when nobody wrote them', async () => {
        await upsert('s1', 1, { title: 'a' })
        expect(await store.get('sessions', 's2')).toBeNull()
      })

      test('are apart from those of another collection', async () => {
        await upsert('same', 5, { userId: 'u1', of: 'sessions' }, 'sessions')
        await upsert('same', 1, { userId: 'u1', of: 'sources' }, 'sources')
        await upsert('same', 1, { userId: 'u1', of: 'earnings' }, 'earnings')
        await store.removeMany('earnings', ['same'], 9)
        for (const of of ['sessions', 'sources'] as const) {
          const document = { _id: 'same', userId: 'u1', of }
          expect(await store.get(of, 'same')).toStrictEqual(document)
          for (const filter of [{}, { userId: 'u1' }])
            expect(await store.find(of, { filter })).toStrictEqual([document])
        }
      })
    })

    describe('by their seq,', () => {
      test('pass over an older write, whole', async () => {
        await upsert('s1', 5, { title: 'new' })
        await upsert('s1', 4, { title: 'old', userId: 'u1' })
        expect(await store.get('sessions', 's1')).toStrictEqual({ _id: 's1', title: 'new' })
        expect(await found({ userId: 'u1' })).toEqual([])
      })

      test('pass over an older write among newer ones to others', async () => {
        await upsert('s1', 5, { title: 'kept' })
        await store.upsertMany('sessions', [
          { id: 's0', seq: 4, set: { title: 'written' } },
          { id: 's1', seq: 4, set: { title: 'old' } },
          { id: 's2', seq: 4, set: { title: 'written' } },
        ])
        expect(await found({ title: 'written' })).toEqual(['s0', 's2'])
        expect(await found({ title: 'kept' })).toEqual(['s1'])
      })

      test('take the same seq again', async () => {
        await upsert('s1', 5, { title: 'a', userId: 'u1' })
        await upsert('s1', 5, { title: 'b' })
        expect(await store.get('sessions', 's1')).toStrictEqual({ _id: 's1', title: 'b', userId: 'u1' })
      })

      test('do not change when the same is written again', async () => {
        const upserts = ['s1', 's2'].map(id => ({ id, seq: 5, set: { userId: 'u1', 'rating.count': 1 } }))
        await store.upsertMany('sessions', upserts)
        const before = await store.find('sessions', { sort: { _id: 1 } })
        await store.upsertMany('sessions', upserts)
        expect(await store.find('sessions', { sort: { _id: 1 } })).toStrictEqual(before)
        expect(await found({ userId: 'u1' })).toEqual(['s1', 's2'])
      })

      test('hold the newest write whoever came last, on two handles, 50 times', async () => {
        const random = seeded('older seq never wins')
        const handles = [store, await opened.again()]
        for (let race = 0; race < 50; race++) {
          const seqs = random.shuffle([1, 2, 3, 4, 5, 6, 7, 8])
          const userIds = seqs.map(seq => `u${race}-${seq}`)
          const writes = seqs.map((seq, i) => {
            const set = { userId: userIds[i], seen: seq }
            return handles[i % 2]!.upsertMany('sessions', [{ id: `s${race}`, seq, set }])
          })
          await Promise.all(writes)
          const documents = await store.find('sessions', { filter: { userId: { $in: userIds } } })
          expect(documents).toStrictEqual([{ _id: `s${race}`, userId: `u${race}-8`, seen: 8 }])
        }
      })

      test('keep what two handles set at once under one seq, 50 times', async () => {
        const other = await opened.again()
        for (let race = 0; race < 50; race++) {
          const id = `s${race}`
          await Promise.all([
            store.upsertMany('sessions', [{ id, seq: 1, set: { a: race } }]),
            other.upsertMany('sessions', [{ id, seq: 1, set: { b: race } }]),
          ])
          expect(await store.get('sessions', id)).toEqual({ _id: id, a: race, b: race })
        }
      })
    })

    test('tell the seq of each, with the value of a field, but nothing of those removed', async () => {
      await Promise.all(
        Array.from({ length: 2_500 }, (_, i) => upsert(`s${i}`, i + 1, i === 7 ? {} : { userId: `u${i}` })),
      )
      await upsert('other', 9_999, { userId: 'u' }, 'sources')
      await store.removeMany('sessions', ['s9'], 5_000)
      const told: [unknown, number][] = []
      for await (const each of store.seqs('sessions', 'userId')) told.push(each)
      const expected = Array.from({ length: 2_500 }, (_, i) => [i === 7 ? undefined : `u${i}`, i + 1])
      expect(told.sort(([, a], [, b]) => a - b)).toEqual(expected.toSpliced(9, 1))
    })

    describe('when removed,', () => {
      beforeEach(() => upsert('s1', 5, { userId: 'u1', active: true }))

      test('are gone by a newer seq, in every way to find them', async () => {
        await upsert('s2', 5, { userId: 'u1' })
        await store.removeMany('sessions', ['s1'], 6)
        expect(await store.get('sessions', 's1')).toBeNull()
        for (const filter of [{}, { userId: 'u1' }]) expect(await found(filter)).toEqual(['s2'])
        for (const filter of [{ _id: 's1' }, { active: true }]) expect(await found(filter)).toEqual([])
        expect(await store.aggregate('sessions', [{ $project: { _id: 1 } }])).toEqual([{ _id: 's2' }])
      })

      test('are gone by the same seq', async () => {
        await store.removeMany('sessions', ['s1'], 5)
        expect(await store.get('sessions', 's1')).toBeNull()
      })

      test('stay at an older seq', async () => {
        await store.removeMany('sessions', ['s1'], 4)
        expect(await store.find('sessions', { filter: { userId: 'u1' } })).toHaveLength(1)
      })

      test('pass over ids that are not there', async () => {
        await store.removeMany('sessions', ['s0', 's1', 's2'], 5)
        await upsert('s0', 1, { title: 'first' })
        expect(await found({})).toEqual(['s0'])
      })

      test('do not come back by an older write', async () => {
        await store.removeMany('sessions', ['s1'], 6)
        await upsert('s1', 5, { userId: 'u1' })
        expect(await store.get('sessions', 's1')).toBeNull()
      })

      test('start anew by a newer write', async () => {
        await store.removeMany('sessions', ['s1'], 6)
        await upsert('s1', 7, { title: 'again' })
        expect(await store.find('sessions', {})).toStrictEqual([{ _id: 's1', title: 'again' }])
      })
    })

    describe('on a second handle,', () => {
      test('are read as soon as they are written', async () => {
        const other = await opened.again()
        for (let n = 1; n <= 20; n++) {
          await upsert('s1', n, { userId: `u${n}` })
          expect(await other.get('sessions', 's1')).toStrictEqual({ _id: 's1', userId: `u${n}` })
        }
        await store.removeMany('sessions', ['s1'], 20)
        expect(await other.get('sessions', 's1')).toBeNull()
      })

      test('are found as soon as they are written', async () => {
        const other = await opened.again()
        for (let n = 1; n <= 20; n++) {
          await upsert('s1', n, { userId: `u${n}` })
          expect(idsOf(await other.find('sessions', { filter: { userId: `u${n}` } }))).toEqual(['s1'])
        }
        await store.removeMany('sessions', ['s1'], 20)
        expect(await other.find('sessions', {})).toEqual([])
      })

      test('are there after the first is closed', async () => {
        await upsert('s1', 3, { userId: 'u1' })
        await upsert('s2', 3, { userId: 'u1' })
        await store.removeMany('sessions', ['s2'], 4)
        await store.close()
        store = await opened.again()
        expect(await store.find('sessions', { filter: { userId: 'u1' } })).toStrictEqual([{ _id: 's1', userId: 'u1' }])
        await upsert('s1', 2, { userId: 'older' })
        await upsert('s2', 3, { userId: 'older' })
        expect(await found({ userId: 'older' })).toEqual([])
      })
    })
  })
}

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Collection, Document, DocumentStore } from '../../src/documents/index.ts'
import type { OpenedDocuments } from './document-store.ts'

/** Pipelines, joins, and the way through a collection by id, as every document store has them. */
export function documentLookupsContract(name: string, open: () => Promise<OpenedDocuments>): void {
  describe(`the documents, ${name},`, () => {
    let opened: OpenedDocuments
    let store: DocumentStore

    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.destroy())

    const write = (collection: Collection, documents: { [id: string]: Record<string, unknown> }): Promise<void> =>
      store.upsertMany(
        collection,
        Object.entries(documents).map(([id, set]) => ({ id, seq: 1, set })),
      )

    describe('when joined,', () => {
      beforeEach(async () => {
        await write('earnings', {
          text: { userId: 'u1', other: 'u1' },
          again: { userId: 'u1', other: 'u1' },
          number: { userId: 7, other: 7 },
          list: { userId: ['u1', 'u2'], other: ['u1', 'u2'] },
          nil: { userId: null, other: null },
          missing: {},
        })
      })

      describe.each([
        ['a field that has an index', 'userId'],
        ['a field that has none', 'other'],
      ])('by %s,', (_what, foreignField) => {
        test.each([
          ['a text', 'u1', ['again', 'list', 'text']],
          ['an element of a list', 'u2', ['list']],
          ['a number', 7, ['number']],
          ['null', null, ['missing', 'nil']],
          ['nothing', undefined, ['missing', 'nil']],
          ['any element of a list', ['u2', 'u9', 7, 'u1'], ['again', 'list', 'number', 'text']],
          ['a value that nobody has', 'u9', []],
        ])('match %s', async (_what, local, matched) => {
          await write('sessions', { s1: { local }, s2: { local: 'unrelated' } })
          const [joined] = await store.aggregate('sessions', [
            { $match: { _id: 's1' } },
            { $lookup: { from: 'earnings', localField: 'local', foreignField, as: 'found' } },
          ])
          expect((joined!.found as Document[]).map(({ _id }) => _id).sort()).toEqual(matched)
        })
      })

      test('match by what the stages before made of them', async () => {
        await write('sessions', { s1: { userId: 'x' }, s2: { userId: 'x' } })
        const joined = await store.aggregate('sessions', [
          { $addFields: { key: { $concat: ['u', '1'] } } },
          { $match: { _id: 's2' } },
          { $lookup: { from: 'earnings', localField: 'key', foreignField: 'userId', as: 'found' } },
          { $project: { _id: 1, n: { $size: '$found' } } },
        ])
        expect(joined).toEqual([{ _id: 's2', n: 3 }])
      })

      test('match by what another join found', async () => {
        await write('users', { u1: { partner: 'u2' }, u2: { username: 'Bob' } })
        await write('sessions', { s1: { userId: 'u1' } })
        const joined = await store.aggregate('sessions', [
          { $lookup: { from: 'users', localField: 'userId', foreignField: '_id', as: 'user' } },
          { $lookup: { from: 'users', localField: 'user.partner', foreignField: '_id', as: 'partner' } },
          { $unwind: '$partner' },
          { $project: { _id: 0, partner: '$partner.username' } },
        ])
        expect(joined).toEqual([{ partner: 'Bob' }])
      })

      test('can go through a pipeline of their own', async () => {
        await write('sessions', { s1: {} })
        const pipeline = [{ $match: { userId: 'u1' } }, { $sort: { _id: 1 } }, { $project: { _id: 1 } }]
        const joined = await store.aggregate('sessions', [{ $lookup: { from: 'earnings', pipeline, as: 'found' } }])
        expect(joined).toEqual([{ _id: 's1', found: [{ _id: 'again' }, { _id: 'list' }, { _id: 'text' }] }])
      })

      test('find each document once where values have a long beginning in common', async () => {
        const long = 'x'.repeat(1_000)
        await write('earnings', { a: { userId: `${long}1` }, b: { userId: `${long}2` } })
        await write('sessions', { s1: { userIds: [`${long}1`, `${long}2`] } })
        const [joined] = await store.aggregate('sessions', [
          { $lookup: { from: 'earnings', localField: 'userIds', foreignField: 'userId', as: 'found' } },
        ])
        expect((joined!.found as Document[]).map(({ _id }) => _id).sort()).toEqual(['a', 'b'])
      })
    })

    describe('when aggregated,', () => {
      beforeEach(async () => {
        await store.upsertMany('sessions', [
          { id: 's1', seq: 1, set: { userId: 'u1', active: true } },
          { id: 's2', seq: 1, set: { userId: 'u2', active: true } },
          { id: 's3', seq: 1, set: { userId: 'u1', active: false } },
          { id: 's4', seq: 1, set: { userId: 'nobody', active: true } },
        ])
        await store.upsertMany('users', [
          { id: 'u1', seq: 1, set: { username: 'Ann', tags: ['badge:new'] } },
          { id: 'u2', seq: 1, set: { username: 'Bob' } },
        ])
        await store.upsertMany('earnings', [
          { id: 'e1', seq: 1, set: { userId: 'u1', amount: 5 } },
          { id: 'e2', seq: 1, set: { userId: 'u1', amount: 2 } },
        ])
      })

      test('are joined with other collections', async () => {
        const items = await store.aggregate('sessions', [
          { $match: { active: true } },
          { $lookup: { from: 'users', localField: 'userId', foreignField: '_id', as: 'user' } },
          { $unwind: '$user' },
          { $lookup: { from: 'earnings', localField: 'userId', foreignField: 'userId', as: 'earnings' } },
          { $sort: { 'user.username': -1, _id: 1 } },
          { $project: { _id: 1, name: '$user.username', revenue: { $sum: '$earnings.amount' } } },
        ])
        expect(items).toEqual([
          { _id: 's2', name: 'Bob', revenue: 0 },
          { _id: 's1', name: 'Ann', revenue: 7 },
        ])
      })

      test('are grouped', async () => {
        const groups = await store.aggregate('sessions', [
          { $group: { _id: '$userId', sessions: { $sum: 1 } } },
          { $sort: { sessions: -1, _id: 1 } },
          { $limit: 2 },
        ])
        expect(groups).toEqual([
          { _id: 'u1', sessions: 2 },
          { _id: 'nobody', sessions: 1 },
        ])
      })

      test('stay as they were', async () => {
        const before = await store.find('sessions', { sort: { _id: 1 } })
        await store.aggregate('sessions', [{ $addFields: { active: 'changed' } }, { $unset: 'userId' }])
        expect(await store.find('sessions', { sort: { _id: 1 } })).toStrictEqual(before)
      })
    })

    describe('by id alone,', () => {
      const ordered = async (filter: Record<string, unknown>, skip = 0, limit = 0): Promise<string[]> =>
        (await store.find('sources', { filter, sort: { _id: 1 }, skip, limit })).map(({ _id }) => _id)

      beforeEach(() =>
        write('sources', {
          ...{ d: { userId: 'u1' }, a: { userId: 'u2' }, c: { userId: 'u1' } },
          ...{ ab: { userId: 'u1' }, b: { userId: 'u2' } },
        }),
      )

      test.each([
        ['all', {}, ['a', 'ab', 'b', 'c', 'd']],
        ['a range', { _id: { $gte: 'ab', $lt: 'd' } }, ['ab', 'b', 'c']],
        ['some', { _id: { $in: ['d', 'a', 'c', 'x'] } }, ['a', 'c', 'd']],
        ['those of some values', { userId: { $in: ['u2', 'u1'] } }, ['a', 'ab', 'b', 'c', 'd']],
      ])('go up through %s', async (_what, filter, expected) => {
        expect(await ordered(filter)).toEqual(expected)
      })

      test('are cut by skip and limit after the filter', async () => {
        expect(await ordered({ _id: { $gte: 'a' }, userId: { $ne: 'u2' } }, 1, 1)).toEqual(['c'])
        expect(await ordered({ userId: 'u1', _id: { $gt: 'a' } }, 0, 2)).toEqual(['ab', 'c'])
      })

      test.each([
        ['by their id', { _id: { $gte: 'x' } }],
        ['by another field', { userId: 'u3' }],
      ])('go by code point, found %s', async (_what, filter) => {
        const ids = ['x~', 'xé', 'x\u{ffff}', 'x\u{1f600}']
        await write('sources', Object.fromEntries(ids.toReversed().map(id => [id, { userId: 'u3' }])))
        expect(await ordered(filter)).toEqual(ids)
        expect(await ordered(filter, 2, 1)).toEqual(['x\u{ffff}'])
      })
    })
  })
}

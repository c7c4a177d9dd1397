import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Collection, Document, DocumentStore, Upsert } from '../../src/documents/index.ts'
import { seeded } from '../support/random.ts'

/** A fresh, empty store. */
export interface OpenedDocuments {
  store: DocumentStore
  /** another handle on the same documents */
  again(): Promise<DocumentStore>
  destroy(): Promise<void>
}

export const idsOf = (documents: Document[]): string[] => documents.map(({ _id }) => _id).sort()

/** Fields every filter below is tried on: one that has an index and one that has none. */
const FIELDS = ['userId', 'plain']

const VALUES: Record<string, unknown> = {
  ...{ one: 1, two: 2, ten: 10, zero: 0, minus: -5, half: 0.5 },
  ...{ x: 'x', xx: 'xx', y: 'y', empty: '', digits: '10' },
  ...{ yes: true, no: false, nil: null, list: [2, 'x'], inner: { deep: 1 } },
}

const FILTERS: [what: string, condition: unknown, matched: string[]][] = [
  ['a number', 1, ['one']],
  ['a negative number', -5, ['minus']],
  ['zero', 0, ['zero']],
  ['a string', 'xx', ['xx']],
  ['the empty string', '', ['empty']],
  ['digits', '10', ['digits']],
  ['a truth value', true, ['yes']],
  ['an element of a list', 2, ['two', 'list']],
  ['an object', { deep: 1 }, ['inner']],
  ['null or nothing', null, ['nil', 'missing']],
  ['$eq', { $eq: 'y' }, ['y']],
  ['$in of several types', { $in: [10, 'x', true, 'nowhere'] }, ['ten', 'x', 'yes', 'list']],
  ['$in of texts', { $in: ['x', 'nowhere'] }, ['x', 'list']],
  ['$in of nothing', { $in: [] }, []],
  ['$in with null', { $in: [null, 1] }, ['one', 'nil', 'missing']],
  ['$gt a number', { $gt: 0 }, ['one', 'two', 'ten', 'half', 'list']],
  ['$gte a number', { $gte: 2 }, ['two', 'ten', 'list']],
  ['$lt a number', { $lt: 0.5 }, ['zero', 'minus']],
  ['$lte a number', { $lte: 0.5 }, ['zero', 'minus', 'half']],
  ['$gte and $lt numbers', { $gte: -5, $lt: 1 }, ['minus', 'zero', 'half']],
  ['$gt a string', { $gt: 'x' }, ['xx', 'y']],
  ['$lt a string', { $lt: 'x' }, ['empty', 'digits']],
  ['$lte a string', { $lte: 'x' }, ['empty', 'digits', 'x', 'list']],
  ['$gt and $lt strings', { $gt: '1', $lt: 'y' }, ['digits', 'x', 'xx', 'list']],
  ['$gte a truth value', { $gte: true }, ['yes']],
  ['$in and $gte', { $in: [1, 2, 10], $gte: 2 }, ['two', 'ten', 'list']],
  ['$ne', { $ne: 'x' }, [...Object.keys(VALUES), 'missing'].filter(id => id !== 'x' && id !== 'list')],
]

/** What every document store does. */
export function documentStoreContract(name: string, open: () => Promise<OpenedDocuments>): void {
  describe(`the documents, ${name},`, () => {
    let opened: OpenedDocuments
    let store: DocumentStore

    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.destroy())

    const upsert = (id: string, seq: number, set: Upsert['set'], collection: Collection = 'sessions'): Promise<void> =>
      store.upsertMany(collection, [{ id, seq, set }])
    const found = async (filter: Record<string, unknown>, collection: Collection = 'sessions'): Promise<string[]> =>
      idsOf(await store.find(collection, { filter }))

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

    describe('when looked for,', () => {
      describe.each(FIELDS)('by the field %s,', field => {
        beforeEach(() =>
          store.upsertMany('sessions', [
            ...Object.entries(VALUES).map(([id, value]) => ({ id, seq: 1, set: { [field]: value } })),
            { id: 'missing', seq: 1, set: { title: 'has no such field' } },
          ]),
        )

        test.each(FILTERS)('are matched by %s', async (_what, condition, matched) => {
          expect(await found({ [field]: condition })).toEqual([...matched].sort())
        })

        test('are matched by $and', async () => {
          const filter = { $and: [{ [field]: { $gte: 1 } }, { [field]: { $lt: 10 } }] }
          expect(await found(filter)).toEqual(['list', 'one', 'two'])
        })

        test('are matched by $or', async () => {
          expect(await found({ $or: [{ [field]: 1 }, { [field]: { $gte: 'y' } }] })).toEqual(['one', 'y'])
        })

        test('are matched by a way into an object', async () => {
          expect(await found({ [`${field}.deep`]: { $gte: 1 } })).toEqual(['inner'])
        })
      })

      test.each([
        [{ _id: 'b' }, ['b']],
        [{ _id: { $in: ['c', 'a', 'nowhere', 'a'] } }, ['a', 'c']],
        [{ _id: { $gt: 'a', $lte: 'c' } }, ['ab', 'b', 'c']],
        [{ _id: { $lt: 'ab' } }, ['a']],
        [{ _id: { $gte: 'b' } }, ['b', 'c']],
        [{ _id: { $ne: 'b' } }, ['a', 'ab', 'c']],
        [{ _id: 1 }, []],
      ])('are matched by their id: %j', async (filter, matched) => {
        await store.upsertMany(
          'users',
          ['c', 'a', 'b', 'ab'].map(id => ({ id, seq: 1, set: {} })),
        )
        expect(await found(filter, 'users')).toEqual(matched)
      })

      test('have to match every condition, whichever has an index', async () => {
        await store.upsertMany('sessions', [
          { id: 'a', seq: 1, set: { userId: 'u1', active: true, title: 'x' } },
          { id: 'b', seq: 1, set: { userId: 'u1', active: false, title: 'x' } },
          { id: 'c', seq: 1, set: { userId: 'u2', active: true, title: 'x' } },
          { id: 'd', seq: 1, set: { userId: 'u1', active: true, title: 'y' } },
        ])
        expect(await found({ active: true, title: 'x', userId: 'u1' })).toEqual(['a'])
        expect(await found({ userId: 'u1', $or: [{ title: 'y' }, { active: false }] })).toEqual(['b', 'd'])
      })

      test('are not found by a value the field had before', async () => {
        await upsert('s1', 1, { userId: 'before', active: true })
        await upsert('s1', 2, { userId: 'after' })
        expect(await found({ userId: 'before' })).toEqual([])
        expect(await found({ userId: 'after' })).toEqual(['s1'])
        expect(await found({ active: true })).toEqual(['s1'])
      })

      test('are found by one field after another that had the same value changed', async () => {
        await upsert('f1', 1, { userId: 'u1', followerId: 'u1' }, 'followers')
        await upsert('f1', 2, { userId: 'u2' }, 'followers')
        expect(await found({ userId: 'u1' }, 'followers')).toEqual([])
        expect(await found({ followerId: 'u1' }, 'followers')).toEqual(['f1'])
      })

      test('are not found by the value of a field that became null', async () => {
        await upsert('s1', 1, { userId: 'before' })
        await upsert('s1', 2, { userId: null })
        expect(await found({ userId: 'before' })).toEqual([])
        expect(await found({ userId: null })).toEqual(['s1'])
      })

      test('are told apart by long values that differ at their ends', async () => {
        const long = 'äb'.repeat(1_000)
        const values = { s1: `${long}1`, s2: `${long}2`, s3: `${long}3`, s4: long }
        await store.upsertMany(
          'sessions',
          Object.entries(values).map(([id, userId]) => ({ id, seq: 1, set: { userId } })),
        )
        await upsert('s1', 2, { userId: `${long}2` })
        expect(await found({ userId: values.s1 })).toEqual([])
        expect(await found({ userId: values.s2 })).toEqual(['s1', 's2'])
        expect(await found({ userId: { $gt: long, $lt: values.s3 } })).toEqual(['s1', 's2'])
        expect(await found({ userId: { $lte: long } })).toEqual(['s4'])
      })

      test('are told apart by odd ids', async () => {
        const ids = [
          ...[
            'a',
            'a ',
            'a/b',
            'a#2',
            'a#',
            'a-2026-01-01#2',
            '/',
            '#',
            '.',
            '..',
            '$in',
            'a.b',
            '__proto__',
            '0',
            '-1',
          ],
          ...['é', 'e\u0301', '日本', '👩‍🚀', '\u{1f600}', '\ufffd', '\t', 'ÿ'.repeat(300), `${'ÿ'.repeat(299)}y`],
          ...['x'.repeat(600), `${'x'.repeat(599)}y`],
        ]
        await store.upsertMany(
          'effects',
          ids.map((id, i) => ({ id, seq: 1, set: { actor: id, i } })),
        )
        for (const [i, id] of ids.entries()) {
          const document = { _id: id, actor: id, i }
          expect(await store.get('effects', id)).toStrictEqual(document)
          expect(await store.find('effects', { filter: { _id: id } })).toStrictEqual([document])
          expect(await store.find('effects', { filter: { actor: id } })).toStrictEqual([document])
        }
        await store.removeMany('effects', [ids[0]!], 1)
        expect(await found({}, 'effects')).toEqual(ids.slice(1).sort())
      })

      test('are what a model says, whatever the history', async () => {
        const random = seeded('documents against a model')
        for (let history = 1; history <= 15; history++) {
          const model = new Map<string, { seq: number; fields: Record<string, unknown> | null }>()
          const ids = Array.from({ length: 6 }, (_, i) => `${history}/${i}`)
          const values = [...Array.from({ length: 4 }, (_, i) => `${history}-${i}`), history, -history, true, null]
          for (let step = 0; step < 20; step++) {
            if (random.chance(0.2)) {
              const id = random.pick(ids)
              const seq = random.int(1, 30)
              const known = model.get(id)
              if (known?.fields && known.seq <= seq) model.set(id, { seq, fields: null })
              if (known?.fields) await store.removeMany('sessions', [id], seq)
              continue
            }
            const upserts = Array.from({ length: random.int(1, 5) }, () => ({
              id: random.pick(ids),
              seq: random.int(1, 30),
              set: { history, [random.pick(['userId', 'plain', 'active'])]: random.pick(values) },
            }))
            await store.upsertMany('sessions', upserts)
            for (const { id, seq, set } of upserts) {
              const known = model.get(id)
              if ((known?.seq ?? 0) <= seq) model.set(id, { seq, fields: { ...known?.fields, ...set } })
            }
          }
          const expected = [...model].flatMap(([_id, { fields }]) => (fields ? [{ _id, ...fields } as Document] : []))
          const all = await store.find('sessions', { filter: { history }, sort: { _id: 1 } })
          expect(all).toEqual(expected.sort((a, b) => (a._id < b._id ? -1 : 1)))
          for (const field of ['userId', 'plain', 'active'])
            for (const value of values.filter(value => value !== null))
              expect(await found({ [field]: value, history })).toEqual(
                expected.flatMap(document => (document[field] === value ? [document._id] : [])),
              )
        }
      })
    })

    describe('when ordered,', () => {
      const ordered = async (query: Parameters<DocumentStore['find']>[1]): Promise<string[]> =>
        (await store.find('statistics', query)).map(({ _id }) => _id)

      beforeEach(() =>
        store.upsertMany('statistics', [
          { id: 'a', seq: 1, set: { timestamp: 20, group: 1, inner: { n: 3 } } },
          { id: 'b', seq: 1, set: { timestamp: 3, group: 2, inner: { n: 1 } } },
          { id: 'c', seq: 1, set: { timestamp: 100, group: 1, inner: { n: 2 } } },
          { id: 'd', seq: 1, set: { timestamp: -1, group: 2 } },
          { id: 'e', seq: 1, set: { timestamp: 20, group: null, inner: { n: null } } },
          { id: 'f', seq: 1, set: { timestamp: 20 } },
        ]),
      )

      test('go by number, not by digits', async () => {
        expect(await ordered({ sort: { timestamp: 1, _id: 1 } })).toEqual(['d', 'b', 'a', 'e', 'f', 'c'])
      })

      test('can go down', async () => {
        expect(await ordered({ sort: { timestamp: -1, _id: -1 } })).toEqual(['c', 'f', 'e', 'a', 'b', 'd'])
      })

      test('go by the second field where the first is equal', async () => {
        expect(await ordered({ sort: { timestamp: -1, _id: 1 } })).toEqual(['c', 'a', 'e', 'f', 'b', 'd'])
        expect(await ordered({ sort: { group: -1, timestamp: 1, _id: 1 } })).toEqual(['d', 'b', 'a', 'c', 'e', 'f'])
      })

      test('take null and nothing as equal, below all else', async () => {
        expect(await ordered({ sort: { 'inner.n': 1, _id: -1 } })).toEqual(['f', 'e', 'd', 'b', 'c', 'a'])
      })

      test('go by type before value', async () => {
        await store.upsertMany('statistics', [
          { id: 'g', seq: 1, set: { group: 'text' } },
          { id: 'h', seq: 1, set: { group: true } },
        ])
        const filter = { _id: { $in: ['c', 'e', 'g', 'h'] } }
        expect(await ordered({ filter, sort: { group: 1 } })).toEqual(['e', 'c', 'g', 'h'])
      })

      test('are cut by skip and limit after the order', async () => {
        const sort = { timestamp: 1, _id: 1 } as const
        expect(await ordered({ sort, limit: 2 })).toEqual(['d', 'b'])
        expect(await ordered({ sort, skip: 1, limit: 3 })).toEqual(['b', 'a', 'e'])
        expect(await ordered({ sort, skip: 4 })).toEqual(['f', 'c'])
        expect(await ordered({ sort, skip: 6, limit: 1 })).toEqual([])
      })

      test('are cut by skip and limit after the filter', async () => {
        const filter = { timestamp: { $gte: 3, $lt: 100 }, group: { $ne: 2 } }
        expect(await ordered({ filter, sort: { _id: 1 }, skip: 1, limit: 1 })).toEqual(['e'])
      })

      test('are as many as the limit says without any order', async () => {
        const some = await ordered({ filter: { timestamp: 20 }, skip: 1, limit: 1 })
        expect(some).toHaveLength(1)
        expect(['a', 'e', 'f']).toContain(some[0])
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

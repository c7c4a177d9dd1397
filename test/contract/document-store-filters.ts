import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Document, DocumentStore } from '../../src/documents/index.ts'
import { oneByOne } from '../support/documents.ts'
import { seeded } from '../support/random.ts'
import type { OpenedDocuments } from './document-store.ts'

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
  ['$gte null', { $gte: null }, ['nil', 'missing']],
  ['$gt a list', { $gt: [2, 'w'] }, ['list']],
  ['$in and $gte', { $in: [1, 2, 10], $gte: 2 }, ['two', 'ten', 'list']],
  ['$ne', { $ne: 'x' }, [...Object.keys(VALUES), 'missing'].filter(id => id !== 'x' && id !== 'list')],
]

/** Filters, as every document store takes them. */
export function documentFiltersContract(name: string, open: () => Promise<OpenedDocuments>): void {
  describe(`the documents, ${name},`, () => {
    let opened: OpenedDocuments
    let store: DocumentStore

    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.destroy())

    const { upsert, found } = oneByOne(() => store)

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
  })
}

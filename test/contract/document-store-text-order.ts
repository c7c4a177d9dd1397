import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DocumentStore } from '../../src/documents/index.ts'
import { seeded } from '../support/random.ts'
import type { OpenedDocuments } from './document-store.ts'

/** By their UTF-8 bytes. UTF-16 has those from U+10000 on before those of U+E000 to U+FFFF. */
const TEXTS = [
  ...['', 'A', 'Z', 'a', 'aa', 'a\u{e000}', 'a\u{ff76}', 'a\u{1f600}', '~', 'é', '日本', '\u{e000}', '\u{ff76}'],
  ...['\u{ff76}z', '\u{fffd}', '\u{10000}', '\u{1f600}', '\u{1f600}a', '\u{1f600}\u{ff76}', '\u{1f600}\u{1f600}'],
  '\u{10ffff}',
]
const byBytes = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other))

const RANGES: Record<string, (order: number) => boolean> = {
  $gt: order => order > 0,
  $gte: order => order >= 0,
  $lt: order => order < 0,
  $lte: order => order <= 0,
}
/** One that has an index, one that has none, one inside an object. */
const FIELDS = ['userId', 'plain', 'inner.text']

/** One order of texts, wherever a document store compares them. */
export function documentTextOrderContract(name: string, open: () => Promise<OpenedDocuments>): void {
  describe(`the texts of documents, ${name},`, () => {
    let opened: OpenedDocuments
    let store: DocumentStore

    beforeEach(async () => {
      opened = await open()
      store = opened.store
      const texts = seeded('texts in any order').shuffle(TEXTS.filter(text => text !== ''))
      const set = (text: string) => ({ userId: text, plain: text, inner: { text }, half: text.length % 2 })
      await store.upsertMany(
        'sessions',
        texts.map(text => ({ id: text, seq: 1, set: set(text) })),
      )
    })
    afterEach(() => opened.destroy())

    const written = TEXTS.filter(text => text !== '')
    const found = async (query: Parameters<DocumentStore['find']>[1]): Promise<string[]> =>
      (await store.find('sessions', query)).map(({ _id }) => _id)

    test('are listed here in the order of their bytes', () => {
      expect(TEXTS.toSorted(byBytes)).toEqual(TEXTS)
      expect(TEXTS.toSorted()).not.toEqual(TEXTS)
    })

    test.each(['_id', ...FIELDS])('sort by their bytes, up and down, by %s', async field => {
      expect(await found({ sort: { [field]: 1 } })).toEqual(written)
      expect(await found({ sort: { [field]: -1 } })).toEqual(written.toReversed())
      expect(await found({ sort: { [field]: 1 }, skip: 3, limit: 12 })).toEqual(written.slice(3, 15))
    })

    test('sort by their bytes within what another field has equal', async () => {
      const halves = [1, 0].flatMap(half => written.filter(text => text.length % 2 === half))
      expect(await found({ sort: { half: -1, plain: 1 } })).toEqual(halves)
      expect(await found({ sort: { half: -1, _id: 1 } })).toEqual(halves)
    })

    test.each(['_id', ...FIELDS])('are in a range by their bytes, by %s', async field => {
      for (const [operator, fits] of Object.entries(RANGES))
        for (const text of TEXTS) {
          const filter = { [field]: { [operator]: text } }
          const expected = written.filter(each => fits(byBytes(each, text)))
          expect({ operator, text, found: (await found({ filter })).sort(byBytes) }).toEqual({
            ...{ operator, text, found: expected },
          })
        }
    })

    test.each(['_id', 'userId', 'plain'])('are all met by one who goes from page to page by %s', async field => {
      const met: string[] = []
      for (let page: string[] = []; met.length === 0 || page.length > 0; met.push(...page)) {
        page = await found({ filter: { [field]: { $gt: met.at(-1) ?? '' } }, sort: { [field]: 1 }, limit: 3 })
      }
      expect(met).toEqual(written)
    })

    test.each([
      ['$and', { $and: [{ plain: { $gt: '\u{ff76}' } }, { plain: { $lte: '\u{10000}' } }] }, [13, 14, 15]],
      ['$or', { $or: [{ plain: { $lt: 'Z' } }, { plain: { $gt: '\u{1f600}\u{ff76}' } }] }, [1, 19, 20]],
      ['$not', { plain: { $not: { $lt: '\u{fffd}' } } }, [14, 15, 16, 17, 18, 19, 20]],
      ['a range with one of a few', { plain: { $in: TEXTS.slice(12), $gt: '\u{ff76}z', $lt: '\u{1f600}' } }, [14, 15]],
    ])('are compared by their bytes under %s', async (_what, filter, places) => {
      expect((await found({ filter })).sort(byBytes)).toEqual(places.map(place => TEXTS[place]))
    })

    test('are removed where they are in a range', async () => {
      expect(await store.removeWhere('sessions', { plain: { $gt: '\u{fffd}' } })).toBe(6)
      expect(await found({ sort: { _id: 1 } })).toEqual(written.slice(0, 14))
    })

    test('in lists count each by its bytes', async () => {
      const lists = { low: ['\u{1f600}', 'a'], high: ['\u{ff76}', '\u{fffd}'], top: ['\u{10000}'], none: [] }
      const upserts = Object.entries(lists).map(([id, plain]) => ({ id, seq: 1, set: { plain } }))
      await store.upsertMany('statistics', upserts)
      const ids = async (query: Parameters<DocumentStore['find']>[1]) =>
        (await store.find('statistics', query)).map(({ _id }) => _id)
      expect((await ids({ filter: { plain: { $gt: '\u{fffd}' } } })).sort()).toEqual(['low', 'top'])
      const matched = { plain: { $elemMatch: { $gt: '\u{ff76}', $lt: '\u{1f600}' } } }
      expect((await ids({ filter: matched })).sort()).toEqual(['high', 'top'])
      expect(await ids({ sort: { plain: 1 } })).toEqual(['none', 'low', 'high', 'top'])
      expect(await ids({ sort: { plain: -1 } })).toEqual(['low', 'top', 'high', 'none'])
    })

    test('inside objects decide their order by their bytes', async () => {
      const objects = { a: { x: '\u{1f600}' }, b: { x: '\u{ff76}' }, c: { x: '\u{ff76}', y: 1 }, d: { x: 7 } }
      const upserts = Object.entries(objects).map(([id, plain]) => ({ id, seq: 1, set: { plain } }))
      await store.upsertMany('statistics', upserts)
      const sorted = await store.find('statistics', { sort: { plain: 1 } })
      expect(sorted.map(({ _id }) => _id)).toEqual(['d', 'b', 'c', 'a'])
    })

    test('are compared by their bytes in a pipeline', async () => {
      const pipeline = [
        { $match: { plain: { $gt: '\u{ff76}' } } },
        { $project: { above: { $gt: ['$plain', '\u{fffd}'] }, sign: { $cmp: ['$plain', '\u{1f600}'] } } },
        { $sort: { _id: -1 } },
      ]
      expect(await store.aggregate('sessions', pipeline)).toEqual(
        written
          .slice(12)
          .toReversed()
          .map(_id => ({
            ...{ _id, above: byBytes(_id, '\u{fffd}') > 0, sign: Math.sign(byBytes(_id, '\u{1f600}')) },
          })),
      )
      const group = { $group: { _id: '$half', first: { $min: '$plain' }, last: { $max: '$plain' } } }
      const odd = written.filter(text => text.length % 2 === 1)
      expect(await store.aggregate('sessions', [group, { $match: { _id: 1 } }])).toEqual([
        { _id: 1, first: odd[0], last: odd.at(-1) },
      ])
    })

    test('are compared by their bytes inside a join', async () => {
      await store.upsertMany('statistics', [{ id: 's', seq: 1, set: { from: '\u{fffd}' } }])
      const pipeline = [{ $match: { plain: { $gt: '\u{fffd}' } } }, { $sort: { _id: 1 } }, { $project: { _id: 1 } }]
      const lookup = { $lookup: { from: 'sessions', pipeline, as: 'found' } }
      const [joined] = await store.aggregate('statistics', [lookup])
      expect(joined!.found).toEqual(written.slice(14).map(_id => ({ _id })))
    })

    test('of any letters sort and match as their bytes say', async () => {
      const random = seeded('texts by their bytes')
      const letters = ['a', 'z', 'é', '\u{d7ff}', '\u{e000}', '\u{ff76}', '\u{ffff}', '\u{10000}', '\u{10ffff}']
      const text = () => Array.from({ length: random.int(1, 4) }, () => random.pick(letters)).join('')
      const texts = [...new Set(Array.from({ length: 200 }, text))]
      await store.upsertMany(
        'users',
        texts.map(id => ({ id, seq: 1, set: { username: id } })),
      )
      const ids = async (query: Parameters<DocumentStore['find']>[1]) =>
        (await store.find('users', query)).map(({ _id }) => _id)
      expect(await ids({ sort: { username: 1 } })).toEqual(texts.toSorted(byBytes))
      for (let n = 0; n < 20; n++) {
        const [low, high] = [text(), text()]
        const expected = texts.filter(each => byBytes(each, low) >= 0 && byBytes(each, high) < 0).sort(byBytes)
        for (const field of ['_id', 'username'])
          expect(await ids({ filter: { [field]: { $gte: low, $lt: high } }, sort: { [field]: 1 } })).toEqual(expected)
      }
    })
  })
}

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DocumentStore } from '../../src/documents/index.ts'
import { seeded } from '../support/random.ts'
import type { OpenedDocuments } from './document-store.ts'

/** The order in which every document store gives documents. */
export function documentOrderContract(name: string, open: () => Promise<OpenedDocuments>): void {
  describe(`the documents, ${name},`, () => {
    let opened: OpenedDocuments
    let store: DocumentStore

    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.destroy())

    describe('when read in parts,', () => {
      const IDS = ['a', 'a/b', 'b', 'b#2', 'é', '\uff5e', '\u{1f600}', 'z'].sort((a, b) =>
        Buffer.compare(Buffer.from(a), Buffer.from(b)),
      )
      type Query = Parameters<DocumentStore['find']>[1]

      beforeEach(() =>
        store.upsertMany('statistics', [
          ...IDS.map((id, n) => ({ id, seq: 1, set: { timestamp: n % 2 === 0 ? 7 : n } })),
          { id: 'none', seq: 1, set: {} },
        ]),
      )

      const parts = async (
        next: (last: { _id: string; timestamp?: unknown } | undefined) => Query,
      ): Promise<string[]> => {
        const ids: string[] = []
        for (let last: Awaited<ReturnType<DocumentStore['find']>>[number] | undefined; ; ) {
          const [found] = await store.find('statistics', { ...next(last), limit: 1 })
          if (!found || ids.length > 20) return ids
          last = found
          ids.push(found._id)
        }
      }

      test.each([
        1, -1,
      ] as const)('of one value come in the order of their ids, by code point (%d)', async direction => {
        const behind = direction === 1 ? '$gt' : '$lt'
        const read = parts(last => ({
          filter: { timestamp: 7, ...(last && { _id: { [behind]: last._id } }) },
          sort: { _id: direction },
        }))
        const sevens = IDS.filter((_, n) => n % 2 === 0 || n === 7)
        expect(await read).toEqual(direction === 1 ? sevens : sevens.reverse())
      })

      test('of one value come within any bounds of their ids, either way', async () => {
        const random = seeded('bounds of ids')
        const texts = [...IDS, '', 'b#', 'b#20', '\u{1f600}x', 'x'.repeat(2_500)]
        for (let round = 0; round < 60; round++) {
          const bounds = Object.fromEntries(
            random
              .shuffle(['$gt', '$gte', '$lt', '$lte'])
              .slice(0, random.int(1, 2))
              .map(name => [name, random.pick(texts)]),
          )
          const direction = random.pick([1, -1] as const)
          const found = await store.find('statistics', {
            filter: { timestamp: 7, _id: bounds },
            sort: { _id: direction },
          })
          const passes = (id: string): boolean =>
            Object.entries(bounds).every(([name, bound]) => {
              const order = Buffer.compare(Buffer.from(id), Buffer.from(bound))
              return { $gt: order > 0, $gte: order >= 0, $lt: order < 0, $lte: order <= 0 }[name]
            })
          const sevens = IDS.filter((id, n) => (n % 2 === 0 || n === 7) && passes(id))
          expect([bounds, found.map(({ _id }) => _id)]).toEqual([bounds, direction === 1 ? sevens : sevens.reverse()])
        }
      })

      test.each([1, -1] as const)('of all values come in the order of their ids (%d)', async direction => {
        const behind = direction === 1 ? '$gt' : '$lt'
        const read = parts(last => ({ filter: last ? { _id: { [behind]: last._id } } : {}, sort: { _id: direction } }))
        const all = [...IDS, 'none'].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        expect(await read).toEqual(direction === 1 ? all : all.reverse())
      })

      test('come in the order of values, then of ids, behind a place', async () => {
        const read = parts(last => ({
          filter: {
            timestamp: { $gte: 2, ...(last && { $lte: last.timestamp }) },
            ...(last && { $or: [{ timestamp: { $lt: last.timestamp } }, { _id: { $lt: last._id } }] }),
          },
          sort: { timestamp: -1, _id: -1 },
        }))
        const sevens = IDS.filter((_, n) => n % 2 === 0 || n === 7)
        expect(await read).toEqual([...sevens.reverse(), IDS[5], IDS[3]])
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
  })
}

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { statistics, sumUp } from '../../src/audience/statistics.ts'
import type { Document, DocumentStore } from '../../src/documents/index.ts'
import { project, windowsIn } from '../../src/partition/projections.ts'
import { seeded } from '../support/random.ts'
import type { OpenedDocuments } from './document-store.ts'

const NOON = Date.UTC(2026, 0, 1, 12)
const PARTITIONS = 4

/** A partition's part of a window as its commit at `seq` writes it. */
const part = (partition: number, seq: number, viewerCount: number, timestamp = NOON) => ({
  ...{ collection: 'statistics' as const, id: `${timestamp}/${partition}` },
  set: {
    ...{ partition, seq, timestamp, viewerCount },
    ...{
      countByUserGroup: [['vip', viewerCount]],
      countByViewingCountry: [[partition % 2 ? 'TW' : 'FR', viewerCount]],
    },
  },
})

/** The documents of windows, which lie beside their parts in a store. */
export function statisticsSumsContract(name: string, open: () => Promise<OpenedDocuments>): void {
  describe(`the document of a window, ${name},`, () => {
    let opened: OpenedDocuments
    let store: DocumentStore

    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.destroy())

    const write = async (on: DocumentStore, ...parts: ReturnType<typeof part>[]): Promise<void> => {
      await project(on, parts, parts[0]!.set.seq)
      await sumUp(on, windowsIn(parts))
    }
    const sums = async (): Promise<Document[]> =>
      (await store.find('statistics', { sort: { _id: 1 } })).filter(({ partition }) => partition === undefined)

    test('has the sum of all partitions, in maps, and follows each change of a part', async () => {
      await write(store, part(0, 7, 2))
      await write(store, part(1, 3, 5), part(1, 3, 1, NOON + 300_000))
      const first = { _id: String(NOON), timestamp: NOON, viewerCount: 7 }
      const second = { _id: String(NOON + 300_000), timestamp: NOON + 300_000, viewerCount: 1 }
      expect(await sums()).toEqual([
        { ...first, countByUserGroup: { vip: 7 }, countByViewingCountry: { FR: 2, TW: 5 } },
        { ...second, countByUserGroup: { vip: 1 }, countByViewingCountry: { TW: 1 } },
      ])
      await write(store, part(0, 9, 1))
      expect((await sums())[0]).toMatchObject({ viewerCount: 6, countByViewingCountry: { FR: 1, TW: 5 } })
    })

    test('is no part of what is answered, and none of it counts twice', async () => {
      await write(store, part(0, 7, 2), part(0, 7, 1, NOON + 300_000))
      await write(store, part(1, 3, 5))
      for (const limit of [1, 1_000]) {
        const { records } = await statistics(store, NOON, NOON + 300_000, { limit, partitions: 2 })
        expect(records.map(({ viewerCount }) => viewerCount)).toEqual([7])
      }
    })

    test('has names that no MongoDB refuses, and as many as fit', async () => {
      const odd = part(0, 1, 1)
      odd.set.countByUserGroup = [
        ['a.b', 1],
        ['$where', 2],
        ['100%', 3],
        ['__proto', 4],
        ['é', 5],
      ]
      await write(store, odd)
      const names = { 'a%2Eb': 1, '%24where': 2, '100%25': 3, __proto: 4, é: 5 }
      expect((await sums())[0]).toMatchObject({ countByUserGroup: names })
      const many = part(1, 1, 1)
      many.set.countByUserGroup = Array.from({ length: 10_005 }, (_, n) => [`g${n}`, n + 1])
      await write(store, many)
      const kept = (await sums())[0]!.countByUserGroup as Record<string, number>
      expect([Object.keys(kept).length, kept.g10004, kept.g5, kept.g4]).toEqual([10_000, 10_005, 6, undefined])
    })

    test('is not replaced by the sum of parts that were read before others changed', async () => {
      await write(store, part(0, 1, 1))
      const [read, others] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const slow: DocumentStore = {
        ...store,
        async find(...query) {
          const found = await store.find(...query)
          read.resolve()
          await others.promise
          return found
        },
      }
      const late = sumUp(slow, [NOON])
      await read.promise
      await write(store, part(1, 1, 4))
      others.resolve()
      await late
      expect((await sums())[0]).toMatchObject({ viewerCount: 5 })
    })

    test('ends as the sum of the last parts, however their writers meet, die and begin again', async () => {
      const random = seeded('sums')
      const stores = [store, await opened.again()]
      const last = new Map<string, number>()
      await Promise.all(
        Array.from({ length: PARTITIONS }, async (_, partition) => {
          const done: ReturnType<typeof part>[] = []
          for (let seq = 1; seq <= 15; seq++) {
            const timestamp = NOON + random.int(0, 1) * 300_000
            const next = part(partition, seq, random.int(0, 9), timestamp)
            done.push(next)
            last.set(next.id, next.set.viewerCount)
            const on = random.pick(stores)
            // A writer that dies before the sum begins again with the cut, or with one before.
            if (random.chance(0.3)) {
              await on.upsertMany('statistics', [{ id: next.id, seq, set: next.set }])
              for (const again of done.slice(-random.int(1, 3))) await write(random.pick(stores), again)
              await write(on, next)
            } else await write(on, next)
          }
        }),
      )
      const expected = [NOON, NOON + 300_000].map(timestamp =>
        [...last].filter(([id]) => id.startsWith(String(timestamp))).reduce((sum, [, count]) => sum + count, 0),
      )
      expect((await sums()).map(({ viewerCount }) => viewerCount)).toEqual(expected)
    })
  })
}

import type { Db } from 'mongodb'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { COLLECTIONS, type Collection, type Document, type DocumentStore } from '../../src/documents/index.ts'
import { openMongoDocuments } from '../../src/documents/mongo.ts'
import { visible } from '../../src/documents/tombstones.ts'
import { FreshDatabase, mongodbServer } from '../support/mongodb-server.ts'
import { seeded } from '../support/random.ts'
import { documentStoreContract, type OpenedDocuments } from './document-store.ts'
import { statisticsSumsContract } from './statistics-sums.ts'

const server = mongodbServer()

async function openMongo(): Promise<OpenedDocuments> {
  const database = new FreshDatabase(server!)
  const open = async () => openMongoDocuments(await database.connect())
  return { store: await open(), again: open, destroy: () => database.drop() }
}

describe('a pipeline over what readers see', () => {
  test('has its first match where an index can serve it', () => {
    const [first] = visible([{ $match: { active: true } }, { $limit: 1 }])
    expect(first).toEqual({ $match: { $and: [{ active: true }, { _gone: { $exists: false } }] } })
  })
})

describe.skipIf(server === null)('on a server,', () => {
  documentStoreContract('mongo', openMongo)
  statisticsSumsContract('mongo', openMongo)

  describe('the documents in MongoDB', () => {
    let database: FreshDatabase
    let db: Db
    let store: DocumentStore

    beforeEach(async () => {
      database = new FreshDatabase(server!)
      db = await database.connect()
      store = openMongoDocuments(db)
    })
    afterEach(async () => {
      vi.useRealTimers()
      await database.drop()
    })

    const write = (collection: Collection, id: string, seq: number, set: Record<string, unknown>): Promise<void> =>
      store.upsertMany(collection, [{ id, seq, set }])

    test('have the indexes of their collections, made once by many who open them at once', async () => {
      const stores = [
        store,
        ...(await Promise.all([1, 2, 3].map(async () => openMongoDocuments(await database.connect())))),
      ]
      await Promise.all(stores.map(each => each.get('users', 'u1')))
      for (const [collection, fields] of Object.entries(COLLECTIONS)) {
        const indexes = await db.collection(collection).indexes()
        const keys = indexes.map(({ key }) => Object.keys(key).join()).sort()
        expect([collection, keys]).toEqual([
          collection,
          ['_expireAt', '_id', ...fields.map(field => `${field},_id`)].sort(),
        ])
      }
    })

    test('have no index made before they are used', async () => {
      expect(await db.listCollections().toArray()).toEqual([])
    })

    test('of another program, which knows no seqs, are written and removed as those of longest ago', async () => {
      const foreign = db.collection<Document>('sessions')
      await foreign.insertMany(['s1', 's2'].map(_id => ({ _id, userId: 'sam', active: true })))
      const told: unknown[] = []
      for await (const each of store.seqs('sessions', 'userId')) told.push(each)
      expect(told).toEqual([
        ['sam', 0],
        ['sam', 0],
      ])
      await write('sessions', 's1', 1, { active: false })
      await store.removeMany('sessions', ['s2'], 1)
      expect(await store.find('sessions', {})).toEqual([{ _id: 's1', userId: 'sam', active: false }])
    })

    test('leave a trace for an hour, of nothing but their seq', async () => {
      vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 1) })
      await write('sessions', 's1', 5, { userId: 'u1', title: 'x' })
      await write('sessions', 's2', 5, { userId: 'u1', title: 'x' })
      await store.removeMany('sessions', ['s1'], 6)
      await store.removeWhere('sessions', { title: 'x' })
      const trace = { _gone: true, _expireAt: new Date(Date.UTC(2026, 0, 1, 1)) }
      expect(await db.collection('sessions').find().sort({ _id: 1 }).toArray()).toEqual([
        { _id: 's1', _seq: 6, ...trace },
        { _id: 's2', _seq: 5, ...trace },
      ])
      const [expiry] = (await db.collection('sessions').indexes()).filter(({ key }) => '_expireAt' in key)
      expect(expiry).toMatchObject({ expireAfterSeconds: 0 })
    })

    test('that came back are not to expire', async () => {
      await write('sessions', 's1', 5, { userId: 'u1' })
      await store.removeMany('sessions', ['s1'], 5)
      await write('sessions', 's1', 6, { userId: 'u2' })
      expect(await db.collection('sessions').find().toArray()).toEqual([{ _id: 's1', _seq: 6, userId: 'u2' }])
    })

    describe('that are gone', () => {
      beforeEach(async () => {
        for (const id of ['gone', 'here']) await write('users', id, 1, { userId: id })
        await store.removeMany('users', ['gone'], 1)
      })

      test.each<[what: string, filter: Record<string, unknown>]>([
        ['their id', { _id: 'gone' }],
        ['what they lack', { userId: null }],
        ['what they are not', { userId: { $ne: 'here' } }],
        ['one of two conditions', { $or: [{ _id: 'gone' }, { _id: 'nobody' }] }],
      ])('are found by nothing: not by %s', async (_what, filter) => {
        expect(await store.find('users', { filter })).toEqual([])
        expect(await store.aggregate('users', [{ $match: filter }])).toEqual([])
        expect(await store.removeWhere('users', filter)).toBe(0)
      })

      test.each<[what: string, lookup: Record<string, unknown>]>([
        ['their id', { localField: 'of', foreignField: '_id' }],
        ['what they lack', { localField: 'nothing', foreignField: 'userId' }],
        ['a pipeline', { pipeline: [{ $match: { userId: { $ne: 'here' } } }] }],
        [
          'a join inside a join',
          {
            pipeline: [
              { $lookup: { from: 'users', localField: 'x', foreignField: 'y', as: 'z' } },
              { $match: { 'z._id': 'gone' } },
            ],
          },
        ],
      ])('are joined by nothing: not by %s', async (_what, lookup) => {
        await write('sessions', 's1', 1, { of: 'gone' })
        const stage = { $lookup: { from: 'users', ...lookup, as: 'found' } }
        expect(await store.aggregate('sessions', [stage])).toEqual([{ _id: 's1', of: 'gone', found: [] }])
        expect(await store.aggregate('sessions', [{ $facet: { all: [stage] } }])).toEqual([
          { all: [{ _id: 's1', of: 'gone', found: [] }] },
        ])
      })
    })

    test('show none of the store’s own fields, joined or not', async () => {
      await write('users', 'u1', 1, { username: 'Ann' })
      await write('sessions', 's1', 1, { userId: 'u1' })
      const lookup = { from: 'users', localField: 'userId', foreignField: '_id', as: 'user' }
      expect(await store.aggregate('sessions', [{ $lookup: lookup }])).toStrictEqual([
        { _id: 's1', userId: 'u1', user: [{ _id: 'u1', username: 'Ann' }] },
      ])
    })

    test('can have fields with the names of those that others might take for the store’s own', async () => {
      const set = { seq: 7, gone: true, expireAt: 1 }
      await write('effects', 'e1', 1, set)
      expect(await store.find('effects', { filter: { seq: { $gte: 7 } } })).toStrictEqual([{ _id: 'e1', ...set }])
    })

    test('can have any character in their ids and values', async () => {
      const texts = ['\0', 'a\0b', 'a\nb', '$a', 'a.b', '\u{10ffff}', '\uffff', '__proto__', '']
      await store.upsertMany(
        'sessions',
        texts.map(text => ({ id: text, seq: 1, set: { userId: text } })),
      )
      for (const text of texts) {
        expect(await store.get('sessions', text)).toStrictEqual({ _id: text, userId: text })
        expect(await store.find('sessions', { filter: { userId: text } })).toStrictEqual([{ _id: text, userId: text }])
      }
      await store.removeMany('sessions', texts, 1)
      expect(await store.find('sessions', {})).toEqual([])
    })

    test('are in the order of their code points, by any field', async () => {
      const texts = ['~', 'é', '\u{ffff}', '\u{1f600}']
      await store.upsertMany(
        'sources',
        texts.toReversed().map((text, i) => ({ id: `${i}`, seq: 1, set: { text } })),
      )
      const found = await store.find('sources', { sort: { text: 1 } })
      expect(found.map(({ text }) => text)).toEqual(texts)
    })

    test('hold the newest of 8 first writes at once, 150 times', async () => {
      const random = seeded('first writes at once')
      const stores = [store, openMongoDocuments(await database.connect())]
      for (let race = 0; race < 150; race++) {
        const seqs = random.shuffle([1, 2, 3, 4, 5, 6, 7, 8])
        const id = `s${race}`
        await Promise.all(
          seqs.map((seq, i) => stores[i % 2]!.upsertMany('sessions', [{ id, seq, set: { seen: seq } }])),
        )
        expect(await store.get('sessions', id)).toEqual({ _id: id, seen: 8 })
      }
    })

    test('hold the last of the writes of a call to one id, though another came first, 50 times', async () => {
      const other = openMongoDocuments(await database.connect())
      for (let race = 0; race < 50; race++) {
        const id = `s${race}`
        const writes = [1, 2, 3].map(n => ({ id, seq: 5, set: { n } }))
        await Promise.all([
          store.upsertMany('sessions', writes),
          other.upsertMany('sessions', [{ id, seq: 1, set: {} }]),
        ])
        expect(await store.get('sessions', id)).toEqual({ _id: id, n: 3 })
      }
    })
  })
})

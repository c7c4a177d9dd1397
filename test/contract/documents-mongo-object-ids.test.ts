import { type Db, ObjectId } from 'mongodb'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DocumentStore } from '../../src/documents/index.ts'
import { memoryDocuments } from '../../src/documents/memory.ts'
import { openMongoDocuments } from '../../src/documents/mongo.ts'
import { FreshDatabase, mongodbServer } from '../support/mongodb-server.ts'
import { seeded } from '../support/random.ts'
import { ManualTime } from '../support/time.ts'

const server = mongodbServer()
const HEX = '65f0c0ffee65f0c0ffee65f0'

describe.skipIf(server === null)('a session that another program made under an ObjectId', () => {
  let database: FreshDatabase
  let db: Db
  let store: DocumentStore
  beforeEach(async () => {
    database = new FreshDatabase(server!)
    db = await database.connect()
    store = openMongoDocuments(db)
    await db.collection('sessions').insertOne({ _id: new ObjectId(HEX), userId: 'sam', active: true })
  })
  afterEach(() => database.drop())

  /** All that the collection holds, as it is there. */
  const held = () => db.collection('sessions').find().toArray()

  test('is found by the text of its id, and by what it is', async () => {
    const session = { _id: HEX, userId: 'sam', active: true }
    expect(await store.get('sessions', HEX)).toEqual(session)
    for (const filter of [{ _id: HEX }, { _id: { $in: ['x', HEX] } }, { userId: 'sam' }, { $and: [{ _id: HEX }] }, {}])
      expect(await store.find('sessions', { filter })).toEqual([session])
    for (const filter of [{ _id: { $ne: HEX } }, { _id: { $nin: [HEX] } }, { $nor: [{ _id: HEX }] }, { _id: 'x' }])
      expect(await store.find('sessions', { filter })).toEqual([])
    expect(await store.aggregate('sessions', [{ $match: { active: true } }])).toEqual([session])
    const seqs: unknown[] = []
    for await (const each of store.seqs('sessions', 'userId')) seqs.push(each)
    expect(seqs).toEqual([['sam', 0]])
  })

  test('is written where it is, and not a second time under the text', async () => {
    await store.upsertMany('sessions', [{ id: HEX, seq: 5, set: { title: 'T', 'metadata.name': 'n' } }])
    await store.upsertMany('sessions', [{ id: HEX, seq: 4, set: { title: 'older' } }])
    await store.patchMany('sessions', 'viewersAt', [{ id: HEX, set: { viewersAt: 1, 'metadata.viewerCount': 3 } }])
    expect(await held()).toEqual([
      {
        ...{ _id: new ObjectId(HEX), userId: 'sam', active: true, title: 'T', metadata: { name: 'n', viewerCount: 3 } },
        ...{ viewersAt: 1, _seq: 5 },
      },
    ])
  })

  test.each([
    ['by its id', () => store.removeMany('sessions', [HEX], 5)],
    ['by a filter', () => store.removeWhere('sessions', { _id: { $in: [HEX] } })],
  ])('is removed %s, and an older write does not bring it back', async (_, remove) => {
    await store.upsertMany('sessions', [{ id: HEX, seq: 5, set: {} }])
    await remove()
    await store.upsertMany('sessions', [{ id: HEX, seq: 4, set: { title: 'older' } }])
    expect(await store.get('sessions', HEX)).toBeNull()
    expect(await held()).toMatchObject([{ _id: new ObjectId(HEX), _gone: true }])
  })

  test('stays as it is beside a document under the text, which then counts', async () => {
    await db.collection<{ _id: string }>('sessions').insertOne({ _id: HEX })
    await store.upsertMany('sessions', [{ id: HEX, seq: 5, set: { title: 'T' } }])
    expect(await store.get('sessions', HEX)).toEqual({ _id: HEX, title: 'T' })
    expect(await db.collection('sessions').findOne({ _id: new ObjectId(HEX) })).not.toHaveProperty('title')
  })

  test('is in the order of texts with the others, and so in every page', async () => {
    const random = seeded('pages of ids of two kinds')
    const memory = memoryDocuments({ time: new ManualTime() })
    const digits = (n: number) => Array.from({ length: n }, () => random.pick([...'0123456789abcdef'])).join('')
    const texts = ['', 'Zed', 'zed', 'a', '~', 'é', '-', '9:', '65', 'ffffffffffffffffffffffffx', 'g', `${HEX}0`]
    const objectIds = [...Array.from({ length: 12 }, () => digits(24)), '0'.repeat(24), 'f'.repeat(24)]
    const cursors = [...texts, ...objectIds, HEX, ...Array.from({ length: 12 }, () => digits(random.int(1, 26)))]
    const others = [...Array.from({ length: 6 }, () => digits(24)), ...texts.slice(1)]
    await db.collection('sessions').insertMany(objectIds.map(hex => ({ _id: new ObjectId(hex) })))
    await store.upsertMany(
      'sessions',
      others.map(id => ({ id, seq: 1, set: {} })),
    )
    await memory.upsertMany(
      'sessions',
      [...others, ...objectIds, HEX].map(id => ({ id, seq: 1, set: {} })),
    )
    for (let round = 0; round < 60; round++) {
      const cursor = random.pick(cursors)
      const filter = { _id: { [random.pick(['$gt', '$gte', '$lt', '$lte'])]: cursor } }
      const limit = random.pick([0, 1, 3, 40])
      const query = {
        filter,
        sort: { _id: random.pick([1, -1] as const) },
        limit,
        skip: random.pick([0, 0, 2]),
      } as const
      const idsIn = async (from: DocumentStore) => (await from.find('sessions', query)).map(({ _id }) => _id)
      expect([query, await idsIn(store)]).toEqual([query, await idsIn(memory)])
    }
  })
})

import { randomBytes } from 'node:crypto'
import type { Db } from 'mongodb'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CheckpointRecord, CheckpointStore, Claim } from '../../src/checkpoint/index.ts'
import type { StoredPiece as Piece } from '../../src/checkpoint/mongo/blobs.ts'
import { openMongoCheckpoints } from '../../src/checkpoint/mongo/index.ts'
import type { StoredManifest as Manifest } from '../../src/checkpoint/mongo/manifests.ts'
import { decode } from '../../src/checkpoint/run.ts'
import { allRecords, nameOf } from '../support/all-records.ts'
import { delta, load, put } from '../support/checkpoint-records.ts'
import { interceptedDb } from '../support/intercepted-db.ts'
import { FreshDatabase, mongodbServer } from '../support/mongodb-server.ts'
import { seeded } from '../support/random.ts'

const MB = 1024 * 1024
const server = mongodbServer()

/** Snapshots of viewers `from` to `to`. */
const viewers = (from: number, to: number, value: unknown): CheckpointRecord[] =>
  Array.from({ length: to - from }, (_, i) => put('actor', ['viewer', `v${from + i}`, ''], value))

describe.skipIf(server === null)('the blobs of a checkpoint in MongoDB', () => {
  let database: FreshDatabase
  let db: Db
  let store: CheckpointStore
  let claim: Claim
  /** the pieces each commit inserted */
  let inserted: Piece[] = []

  beforeEach(async () => {
    database = new FreshDatabase(server!)
    db = await database.connect()
    const seen = interceptedDb(db, ({ method, args }, work) => {
      if (method === 'insertMany') inserted.push(...(args[0] as Piece[]))
      return work()
    })
    store = openMongoCheckpoints(seen)
    claim = await store.claim(7, 'first')
  })
  afterEach(() => database.drop())

  const commit = async (puts: CheckpointRecord[] = []): Promise<void> => {
    inserted = []
    await store.commit(claim, claim.cut + 1, delta(puts))
  }
  const commitNothing = async (): Promise<void> => {
    // The first takes the last deltas off the list, the second removes them.
    for (let n = 0; n < 2; n++) await commit()
  }
  const manifest = async (): Promise<Manifest> => (await db.collection<Manifest>('checkpoint-manifests').findOne())!
  const listed = async (): Promise<string[]> => {
    const { buckets, deltas } = await manifest()
    return [...buckets, ...deltas].flatMap(({ ids }) => ids).sort()
  }
  const kept = async (): Promise<string[]> => {
    const pieces = await db.collection<Piece>('checkpoint-blobs').find().project<Piece>({ _id: 1 }).toArray()
    return pieces.map(({ _id }) => _id).sort()
  }
  const bytes = (pieces: Piece[]): number => pieces.reduce((sum, { b }) => sum + b.length, 0)

  test('hold at most 2,048 actors in a bucket, and every actor in one', async () => {
    for (let n = 0; n < 10; n++) await commit(viewers(n * 1_000, n * 1_000 + 1_000, n))
    for (let n = 0; n < 12; n++) await commit(viewers(0, 1, 'touched'))
    const { buckets, deltas } = await manifest()
    const pieces = await db.collection<Piece>('checkpoint-blobs').find({}, { promoteBuffers: true }).toArray()
    const counts = buckets
      .filter(({ at, ids }) => at.startsWith('actor/') && ids.length > 0)
      .map(({ ids }) => decode(pieces.find(({ _id }) => _id === ids[0])!.b).ids.length)
    expect(counts.every(count => count <= 2_048)).toBe(true)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(10_000)
    expect(deltas.length).toBeLessThan(counts.length)
  })

  test('hold at most 4 MB in a bucket, if that is more than one actor', async () => {
    for (let n = 0; n < 3; n++)
      await commit(Array.from({ length: 8 }, (_, i) => put('actor', ['viewer', `v${n}/${i}`, ''], randomBytes(MB / 2))))
    await commitNothing()
    const sizes = (await manifest()).buckets.map(bucket => bucket.bytes)
    expect(sizes.every(size => size < 4.1 * MB)).toBe(true)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(12 * MB)
  })

  test('have pieces of at most 4 MB, of which a greater record is put together', async () => {
    const value = randomBytes(9 * MB).toString('base64')
    await commit([put('documents', ['0'], value)])
    expect(inserted.every(({ b }) => b.length <= 4 * MB)).toBe(true)
    const other = openMongoCheckpoints(await database.connect())
    const found = await load(other, await other.claim(7, 'second'), { space: 'documents', names: [] })
    expect(found[0]!.value === value).toBe(true)
  })

  test('are a few for a commit, however many actors there are', async () => {
    for (let n = 0; n < 20; n++) await commit(viewers(n * 1_000, n * 1_000 + 1_000, 'x'.repeat(300)))
    const sizes: number[] = []
    for (let n = 0; n < 30; n++) {
      await commit(viewers(n * 600, n * 600 + 10, 'changed'))
      sizes.push(bytes(inserted))
    }
    // A bucket of 2,048 such actors, and the delta.
    expect(Math.max(...sizes)).toBeLessThan(0.8 * MB)
    expect(bytes(inserted)).toBeGreaterThan(0)
  })

  test('of deltas are listed as long as a bucket is older, and no longer', async () => {
    for (let n = 0; n < 10; n++) await commit(viewers(n * 1_000, n * 1_000 + 1_000, n))
    for (let n = 0; n < 40; n++) {
      await commit(viewers(n * 100, n * 100 + 100, n))
      const { buckets, deltas } = await manifest()
      const oldest = Math.min(...buckets.map(bucket => bucket.n))
      const newest = (await manifest()).n
      expect(deltas.map(each => each.n)).toEqual(Array.from({ length: newest - oldest }, (_, i) => oldest + i + 1))
      expect(newest - oldest).toBeLessThan(buckets.length)
    }
  })

  test('of deltas are never more than 16 MB', async () => {
    for (let n = 0; n < 30; n++) await commit(viewers(n * 1_000, n * 1_000 + 1_000, 'x'.repeat(300)))
    let most = 0
    for (let n = 0; n < 20; n++) {
      // each bucket of the thirty or so has some of them
      await commit(
        Array.from({ length: 300 }, (_, i) => put('actor', ['viewer', `v${i * 100}`, ''], randomBytes(8_000))),
      )
      most = Math.max(
        most,
        (await manifest()).deltas.reduce((sum, each) => sum + each.bytes, 0),
      )
    }
    expect(most).toBeGreaterThan(8 * MB)
    expect(most).toBeLessThanOrEqual(16 * MB)
  })

  test('are gone, one commit later, if they are no longer listed', async () => {
    for (let n = 0; n < 30; n++) {
      const before = await listed()
      await commit(viewers(n * 100, n * 100 + 200, n))
      const now = await listed()
      expect((await kept()).filter(id => !now.includes(id) && !before.includes(id))).toEqual([])
      expect(now.filter(id => before.includes(id))).toEqual(now.filter(id => !inserted.some(({ _id }) => _id === id)))
    }
    await commitNothing()
    expect(await kept()).toEqual(await listed())
  })

  test('that a dead owner left are gone after two commits, and nobody else’s', async () => {
    await commit(viewers(0, 100, 1))
    const later = await store.claim(7, 'second')
    const others = ['70/1/1/0', '6/1/1/0', '8/1/1/0', `7/${later.epoch + 1}/1/0`, `7/${later.epoch}/900/0`]
    const left = ['7/1/1/77', '7/1/2/0', '7/0/5/0', `7/${later.epoch}/1/900`]
    await db
      .collection<Piece>('checkpoint-blobs')
      .insertMany([...left, ...others].map(_id => ({ _id, b: Buffer.of() })))
    claim = later
    await commit(viewers(50, 150, 2))
    await commitNothing()
    expect(await kept()).toEqual([...(await listed()), ...others].sort())
  })

  test('stay while somebody reads them, whatever is committed meanwhile', async () => {
    const fill = (n: number) => viewers(0, 3_000, `${n}`.padEnd(5_000, '-'))
    await commit(fill(1))
    await commitNothing()
    const cold = openMongoCheckpoints(await database.connect(), { cacheBytes: 1 })
    claim = await cold.claim(7, 'second')
    const values = new Set<unknown>()
    let count = 0
    for await (const { value } of cold.load(claim, [{ space: 'actor', names: [] }])) {
      values.add((value as string).slice(0, 2))
      if (count++ === 0) for (let n = 2; n < 5; n++) await cold.commit(claim, n, delta(fill(n)))
    }
    expect([count, values]).toEqual([3_000, new Set(['1-'])])
  })

  test('hold what a model says, whatever the history', async () => {
    const random = seeded('a checkpoint against a model')
    const model = new Map<string, unknown>()
    for (let step = 0; step < 60; step++) {
      if (random.chance(0.1)) {
        store = openMongoCheckpoints(db)
        claim = await store.claim(7, `${step}`)
      }
      const key = () => {
        const day = random.pick([[''], ['day', `${random.int(1, 3)}`], ['day', `${random.int(1, 3)}`, '0']])
        return random.pick([
          put('actor', ['visitor', `${random.int(0, 3_000)}`, ...day]),
          put('deadline', [`visitor/${random.int(0, 3_000)}`]),
          put('aggregate', ['stream', `${random.int(0, 9)}`]),
        ])
      }
      const puts = Array.from({ length: random.int(0, 1_500) }, () => ({ ...key(), value: random.int(0, 1e9) }))
      const removes = Array.from({ length: random.int(0, 300) }, key)
      await store.commit(claim, step, delta(puts, removes))
      for (const record of puts) model.set(nameOf(record), record.value)
      for (const record of removes) model.delete(nameOf(record))
      if (random.chance(0.2)) expect(await allRecords(store, claim)).toEqual(model)
      const wanted = Array.from({ length: 20 }, key)
      const found = await load(store, claim, ...wanted)
      const has = (name: string) => wanted.some(each => name.startsWith(nameOf(each).slice(0, -1)))
      expect(new Set(found.map(nameOf))).toEqual(new Set([...model.keys()].filter(has)))
    }
    const other = openMongoCheckpoints(await database.connect())
    expect(await allRecords(other, await other.claim(7, 'last'))).toEqual(model)
  })
})

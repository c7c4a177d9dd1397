import { setTimeout as pause } from 'node:timers/promises'
import type { Db } from 'mongodb'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Document, DocumentStore } from '../../src/documents/index.ts'
import { openMongoDocuments } from '../../src/documents/mongo.ts'
import { isCode } from '../../src/errors.ts'
import { interceptedDb, lost, type Meet } from '../support/intercepted-db.ts'
import { FreshDatabase, mongodbServer } from '../support/mongodb-server.ts'
import { seeded } from '../support/random.ts'

const server = mongodbServer()

describe.skipIf(server === null)('the documents in MongoDB, where it fails,', () => {
  let database: FreshDatabase
  let db: Db
  let store: DocumentStore

  beforeEach(async () => {
    database = new FreshDatabase(server!)
    db = await database.connect()
    store = openMongoDocuments(db)
  })
  afterEach(() => database.drop())

  test('give up when MongoDB has no answer for longer than the patience', async () => {
    const gone = openMongoDocuments(
      interceptedDb(db, () => Promise.reject(lost())),
      { patienceMs: 0 },
    )
    for (const work of [
      () => gone.get('users', 'u1'),
      () => gone.find('users', {}),
      () => gone.aggregate('users', []),
      () => gone.upsertMany('users', [{ id: 'u1', seq: 1, set: {} }]),
      () => gone.removeMany('users', ['u1'], 1),
      () => gone.removeWhere('users', {}),
      () => gone.patchMany('users', 'at', [{ id: 'u1', set: { at: 1 } }]),
    ])
      await expect(work()).rejects.toMatchObject({ code: 'RC_STORE_UNAVAILABLE' })
  })

  test('are there once MongoDB answers again, indexes and all', async () => {
    let isGone = true
    const meet: Meet = (_call, work) => (isGone ? Promise.reject(lost()) : work())
    const patient = openMongoDocuments(interceptedDb(db, meet), { patienceMs: 0 })
    await expect(patient.get('users', 'u1')).rejects.toThrow()
    isGone = false
    expect(await patient.get('users', 'u1')).toBeNull()
  })

  test('say at once what no repetition mends', async () => {
    const bad = store.find('sessions', { filter: { $nonsense: 1 } })
    await expect(bad).rejects.toMatchObject({ name: 'MongoServerError' })
  })

  test('are what a model says, whichever calls and answers are lost', async () => {
    const random = seeded('lost answers about documents')
    const meet: Meet = async (_call, work) => {
      const fate = random.next()
      if (fate < 0.7) return work()
      if (fate < 0.85) await work()
      throw lost()
    }
    const lossy = openMongoDocuments(interceptedDb(db, meet))
    const model = new Map<string, { seq: number; fields: Record<string, unknown> | null }>()
    const id = () => `${random.int(0, 9)}`
    for (let step = 0; step < 120; step++) {
      const [known, at] = [id(), random.int(1, 30)]
      const stored = model.get(known)
      const kind = random.pick(['upsert', 'upsert', 'remove', 'patch'])
      if (kind === 'remove') {
        await lossy.removeMany('sessions', [known], at)
        if (stored && stored.seq <= at) model.set(known, { seq: at, fields: null })
      } else if (kind === 'patch') {
        await lossy.patchMany('sessions', 'at', [{ id: known, set: { at, patched: step } }])
        if (stored?.fields && !(Number(stored.fields.at) >= at)) Object.assign(stored.fields, { at, patched: step })
      } else {
        const upserts = Array.from({ length: 4 }, () => ({
          id: id(),
          seq: random.int(1, 30),
          set: { [`f${id()}`]: step },
        }))
        await lossy.upsertMany('sessions', upserts)
        for (const { id, seq, set } of upserts) {
          const now = model.get(id)
          if ((now?.seq ?? 0) <= seq) model.set(id, { seq, fields: { ...now?.fields, ...set } })
        }
      }
    }
    const expected = [...model].flatMap(([_id, { fields }]) => (fields ? [{ _id, ...fields } as Document] : []))
    expect(await store.find('sessions', { sort: { _id: 1 } })).toEqual(
      expected.sort((one, other) => (one._id < other._id ? -1 : 1)),
    )
  })

  test.each(server?.kills ?? [])('lose no write that was acknowledged by %s -9', async kill => {
    const random = seeded(`documents while ${kill}`)
    const ids = Array.from({ length: 300 }, (_, i) => `s${i}`)
    const upserts = (seq: number) => ids.map(id => ({ id, seq, set: { seen: seq } }))
    const patient = openMongoDocuments(db, { patienceMs: 30_000 })
    const impatient = openMongoDocuments(db, { patienceMs: 0 })
    let acknowledged = 0
    await patient.upsertMany('sessions', upserts(0))
    for (let [round, seq] = [0, 1]; round < 3; round++) {
      let isKilled = false
      const restarted = pause(random.int(0, 150)).then(async () => {
        await server![kill]()
        isKilled = true
        await server!.restart()
      })
      for (; !isKilled; seq++) {
        try {
          await impatient.upsertMany('sessions', upserts(seq))
          acknowledged = seq
        } catch (error) {
          if (!isCode(error, 'RC_STORE_UNAVAILABLE')) throw error
        }
      }
      await restarted
      const seen = (await patient.find('sessions', {})).map(document => document.seen as number)
      expect(seen).toHaveLength(ids.length)
      expect(Math.min(...seen)).toBeGreaterThanOrEqual(acknowledged)
    }
  })
})

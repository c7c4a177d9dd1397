import { setTimeout as pause } from 'node:timers/promises'
import type { Db } from 'mongodb'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CheckpointStore, Claim, Delta } from '../../src/checkpoint/index.ts'
import type { StoredPiece as Piece } from '../../src/checkpoint/mongo/blobs.ts'
import { openMongoCheckpoints } from '../../src/checkpoint/mongo/index.ts'
import type { StoredManifest as Manifest } from '../../src/checkpoint/mongo/manifests.ts'
import { isCode } from '../../src/errors.ts'
import { allRecords, nameOf } from '../support/all-records.ts'
import { actors, delta, put } from '../support/checkpoint-records.ts'
import { type Call, interceptedDb, lost, type Meet } from '../support/intercepted-db.ts'
import { FreshDatabase, mongodbServer } from '../support/mongodb-server.ts'
import { seeded } from '../support/random.ts'

const server = mongodbServer()

/** Until MongoDB answers. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isCode(error, 'RC_STORE_UNAVAILABLE')) throw error
    }
  }
}

describe.skipIf(server === null)('a checkpoint in MongoDB', () => {
  let database: FreshDatabase
  let db: Db

  beforeEach(async () => {
    database = new FreshDatabase(server!)
    db = await database.connect()
  })
  afterEach(() => database.drop())

  const committed = async (): Promise<{ n: number; cut: number }> => {
    const { n, cut } = (await db.collection<Manifest>('checkpoint-manifests').findOne())!
    return { n, cut }
  }

  describe.each<[what: string, meet: (work: () => Promise<unknown>) => Promise<unknown>]>([
    [
      'the answer',
      async work => {
        await work()
        throw lost()
      },
    ],
    ['the call', () => Promise.reject(lost())],
  ])('%s of which is lost,', (_what, fail) => {
    test.each([
      ['that makes the manifest', 'checkpoint-manifests', 'insertOne'],
      ['that claims', 'checkpoint-manifests', 'findOneAndUpdate'],
      ['that inserts the blobs', 'checkpoint-blobs', 'insertMany'],
      ['that commits', 'checkpoint-manifests', 'updateOne'],
      ['that looks what became of a commit', 'checkpoint-manifests', 'findOne'],
      ['that looks for what to sweep', 'checkpoint-blobs', 'find'],
      ['that sweeps', 'checkpoint-blobs', 'deleteMany'],
    ])('once for each call %s, has every commit once', async (_call, collection, method) => {
      await db.collection<Piece>('checkpoint-blobs').insertOne({ _id: '0/0/0/0', b: Buffer.of() })
      const met = new Set<string>()
      const meet: Meet = (call, work) => {
        const isFirst = call.collection === collection && call.method === method && !met.has(JSON.stringify(call))
        // A commit is looked after when its own answer was lost.
        const isLooked = method === 'findOne' && call.method === 'updateOne' && !met.has(JSON.stringify(call))
        if (isFirst || isLooked) met.add(JSON.stringify(call))
        if (isLooked) return work().then(() => Promise.reject(lost()))
        return isFirst ? fail(work) : work()
      }
      const store = openMongoCheckpoints(interceptedDb(db, meet))
      const claim = await store.claim(0, 'first')
      for (let cut = 1; cut <= 4; cut++) await store.commit(claim, cut, delta(actors(3, cut)))
      expect(met.size).toBeGreaterThan(0)
      expect([await committed(), claim.cut]).toEqual([{ n: 4, cut: 4 }, 4])
      const other = openMongoCheckpoints(db)
      const values = new Set((await allRecords(other, await other.claim(0, 'second'))).values())
      expect(values).toEqual(new Set([4]))
    })
  })

  test('that is fenced while a call is lost, says so', async () => {
    let isFenced = false
    const store = openMongoCheckpoints(
      interceptedDb(db, async ({ method }, work) => {
        if (method !== 'updateOne' || isFenced) return work()
        isFenced = true
        await openMongoCheckpoints(db).claim(0, 'second')
        throw lost()
      }),
    )
    const claim = await store.claim(0, 'first')
    await expect(store.commit(claim, 1, delta(actors(1, 1)))).rejects.toMatchObject({ code: 'RC_FENCED' })
    expect(await committed()).toEqual({ n: 0, cut: 0 })
  })

  test('goes on from a commit that came through after all was given up', async () => {
    let late: (() => Promise<unknown>) | undefined
    const store = openMongoCheckpoints(
      interceptedDb(db, async ({ method }, work) => {
        if (method !== 'updateOne' || late) return work()
        late = work
        throw lost()
      }),
      { patienceMs: 0 },
    )
    const claim = await store.claim(0, 'first')
    const early = store.commit(claim, 1, delta([put('aggregate', ['early'], 1), put('aggregate', ['both'], 1)]))
    await expect(early).rejects.toMatchObject({ code: 'RC_STORE_UNAVAILABLE' })
    expect([claim.cut, (await allRecords(store, claim)).size]).toEqual([0, 0])
    await late!()
    await store.commit(claim, 2, delta([put('aggregate', ['both'], 2)]))
    const records = [...(await allRecords(store, claim))]
    expect([claim.cut, records]).toEqual([
      2,
      [
        ['["aggregate","both"]', 2],
        ['["aggregate","early"]', 1],
      ],
    ])
  })

  test('that MongoDB has no answer to, is given up as long as the patience is over', async () => {
    let isGone = false
    const meet: Meet = (_call, work) => (isGone ? Promise.reject(lost()) : work())
    const store = openMongoCheckpoints(interceptedDb(db, meet), { patienceMs: 0 })
    const claim = await store.claim(0, 'first')
    isGone = true
    for (const work of [
      () => store.commit(claim, 1, delta(actors(1, 1))),
      () => store.claim(0, 'second'),
      () => store.peek(0),
    ])
      await expect(work()).rejects.toMatchObject({ code: 'RC_STORE_UNAVAILABLE' })
  })

  test('is what a model says, whichever calls and answers are lost or late', async () => {
    const random = seeded('lost and late answers')
    for (let history = 0; history < 6; history++) {
      const model = new Map<string, unknown>()
      const late: (() => Promise<unknown>)[] = []
      const canBeLate = ({ method }: Call) => method !== 'findOneAndUpdate'
      const meet: Meet = async (call, work) => {
        if (late.length > 0 && random.chance(0.2)) await late.shift()!().catch(() => {})
        const fate = random.next()
        if (fate < 0.7) return work()
        if (fate < 0.8) await work()
        else if (fate > 0.9 && canBeLate(call)) late.push(work)
        throw lost()
      }
      const open = () => openMongoCheckpoints(interceptedDb(db, meet), { patienceMs: random.pick([0, 5_000]) })
      let store: CheckpointStore = open()
      let claim: Claim = await again(() => store.claim(history, 'first'))
      for (let cut = 1; cut <= 40; cut++) {
        if (random.chance(0.1)) {
          store = open()
          claim = await again(() => store.claim(history, `${cut}`))
        }
        const key = () => put(random.pick(['actor', 'aggregate', 'outbox']), ['viewer', `${random.int(0, 30)}`, ''])
        const puts = Array.from({ length: random.int(0, 10) }, () => ({ ...key(), value: cut }))
        const change: Delta = delta(puts, Array.from({ length: random.int(0, 3) }, key))
        await again(() => store.commit(claim, cut, change))
        for (const record of puts) model.set(nameOf(record), cut)
        for (const record of change.removes) model.delete(nameOf(record))
        if (random.chance(0.2)) expect(await again(() => allRecords(store, claim))).toEqual(model)
      }
      for (const work of late) await work().catch(() => {})
      const other = openMongoCheckpoints(db)
      const last = await other.claim(history, 'last')
      expect([last.cut, await allRecords(other, last)]).toEqual([40, model])
    }
  })

  describe.each(server?.kills ?? [])('by %s -9,', kill => {
    test('loses no commit that was acknowledged, and has all or nothing of each', async () => {
      const random = seeded(`commits while ${kill}`)
      let store = openMongoCheckpoints(db, { patienceMs: 30_000 })
      let claim = await store.claim(0, 'first')
      for (let round = 0; round < 4; round++) {
        let isKilled = false
        const wait = random.int(0, 150)
        const restarted = pause(wait).then(async () => {
          await server![kill]()
          isKilled = true
          await server!.restart()
        })
        for (let cut = claim.cut + 1; !isKilled; cut++) await store.commit(claim, cut, delta(actors(200, cut)))
        await store.commit(claim, claim.cut + 1, delta(actors(200, claim.cut + 1)))
        await restarted
        const acknowledged = claim.cut
        store = openMongoCheckpoints(db, { patienceMs: 30_000 })
        claim = await store.claim(0, `${round}`)
        expect([claim.cut, new Set((await allRecords(store, claim)).values())]).toEqual([
          acknowledged,
          new Set([acknowledged]),
        ])
      }
    })

    test('has all or nothing of a commit that was given up', async () => {
      const random = seeded(`given up by ${kill}`)
      for (let round = 0; round < 4; round++) {
        const store = openMongoCheckpoints(db, { patienceMs: 0 })
        const claim = await store.claim(0, 'first')
        const killed = pause(random.int(0, 100)).then(() => server![kill]())
        const commits = async () => {
          for (let cut = claim.cut + 1; ; cut++) await store.commit(claim, cut, delta(actors(200, cut)))
        }
        await expect(commits()).rejects.toMatchObject({ code: 'RC_STORE_UNAVAILABLE' })
        await killed
        await server!.restart()
        const other = openMongoCheckpoints(db, { patienceMs: 30_000 })
        const later = await other.claim(0, 'second')
        const { cut } = later
        const values = new Set((await allRecords(other, later)).values())
        expect([claim.cut, claim.cut + 1]).toContain(cut)
        expect(values).toEqual(new Set(cut === 0 ? [] : [cut]))
      }
    })
  })
})

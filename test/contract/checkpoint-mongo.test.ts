import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CheckpointStore } from '../../src/checkpoint/index.ts'
import type { StoredPiece as Piece } from '../../src/checkpoint/mongo/blobs.ts'
import { openMongoCheckpoints } from '../../src/checkpoint/mongo/index.ts'
import { actors, delta, load } from '../support/checkpoint-records.ts'
import { flipped } from '../support/flipped.ts'
import { FreshDatabase, mongodbServer } from '../support/mongodb-server.ts'
import { checkpointContract, type OpenedCheckpoints } from './checkpoint-store.ts'

const server = mongodbServer()

async function openMongo(): Promise<OpenedCheckpoints> {
  const database = new FreshDatabase(server!)
  const open = async () => openMongoCheckpoints(await database.connect())
  return {
    ...{ store: await open(), again: open, destroy: () => database.drop() },
    async flip(partition, _record, bit) {
      const pieces = (await database.connect()).collection<Piece>('checkpoint-blobs', { promoteBuffers: true })
      for await (const { _id, b } of pieces.find({ _id: { $regex: `^${partition}/` } }))
        await pieces.updateOne({ _id }, { $set: { b: flipped(b, bit) } })
    },
  }
}

describe.skipIf(server === null)('on a server,', () => {
  checkpointContract('mongo', openMongo)

  describe('the owner of a partition in MongoDB', () => {
    let database: FreshDatabase
    let store: CheckpointStore

    beforeEach(async () => {
      database = new FreshDatabase(server!)
      store = openMongoCheckpoints(await database.connect())
    })
    afterEach(() => database.drop())

    test('is one of 16 who claim it at once, on every new partition', async () => {
      for (let partition = 0; partition < 10; partition++) {
        const claims = await Promise.all(Array.from({ length: 16 }, (_, i) => store.claim(partition, `${i}`)))
        const committed = await Promise.allSettled(claims.map(claim => store.commit(claim, 1, delta([]))))
        const [winner, ...others] = claims.toSorted((one, other) => other.epoch - one.epoch)
        const landed = claims.filter((_, i) => committed[i]!.status === 'fulfilled')
        expect(new Set(claims.map(({ epoch }) => epoch)).size).toBe(16)
        expect([landed, others.length]).toEqual([[winner], 15])
      }
    })

    test('is told that its manifest is not as it was written, and others that theirs is', async () => {
      for (const partition of [2, 3])
        await store.commit(await store.claim(partition, 'first'), 7, delta(actors(2, 'x')))
      const manifests = (await database.connect()).collection<{ _id: number }>('checkpoint-manifests')
      for (const change of [{ cut: 6 }, { incarnation: 'log-0' }, { mark: 'Of' }, { n: 2 }, { 'buckets.0.bytes': 1 }]) {
        const before = (await manifests.findOne({ _id: 3 }))!
        await manifests.updateOne({ _id: 3 }, { $set: change })
        const damage = { code: 'RC_CHECKPOINT_CORRUPT', message: expect.stringMatching(/^Partition 3: the manifest /) }
        await expect(store.peek(3), JSON.stringify(change)).rejects.toMatchObject(damage)
        await expect(store.claim(3, 'second')).rejects.toMatchObject(damage)
        await manifests.replaceOne({ _id: 3 }, before)
      }
      expect(await store.peek(2)).toMatchObject({ cut: 7 })
      expect(await store.claim(3, 'second')).toMatchObject({ cut: 7 })
    })

    test('goes on from where a former version committed, which knows no checksums', async () => {
      await store.commit(await store.claim(3, 'first'), 7, delta(actors(2, 'x')))
      const db = await database.connect()
      await db.collection('checkpoint-blobs').updateMany({}, { $unset: { c: 1 } })
      await db.collection('checkpoint-manifests').updateMany({}, { $set: { cut: 8, attempt: '3/1/2/9' } })
      const other = openMongoCheckpoints(db)
      const claim = await other.claim(3, 'second')
      expect([claim.cut, (await load(other, claim, { space: 'actor', names: [] })).length]).toEqual([8, 2])
    })

    test('hears that it is fenced when another removed what it would load', async () => {
      await store.commit(await store.claim(0, 'first'), 1, delta(actors(10, 'old')))
      const [second, third] = [openMongoCheckpoints(await database.connect()), store]
      const fenced = await second.claim(0, 'second')
      const owner = await third.claim(0, 'third')
      for (let cut = 2; cut < 5; cut++) await third.commit(owner, cut, delta(actors(10, 'new')))
      const loaded = load(second, fenced, { space: 'actor', names: [] })
      await expect(loaded).rejects.toMatchObject({ code: 'RC_FENCED' })
    })
  })
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type MongoCheckpoints, openMongoCheckpoints } from '../../src/checkpoint/mongo.ts'
import { actors, delta, load } from '../support/checkpoint-records.ts'
import { FreshDatabase, mongodbServer } from '../support/mongodb-server.ts'
import { checkpointContract, type OpenedCheckpoints } from './checkpoint-store.ts'

const server = mongodbServer()

async function openMongo(): Promise<OpenedCheckpoints> {
  const database = new FreshDatabase(server!)
  const open = async () => openMongoCheckpoints(await database.connect())
  return { store: await open(), again: open, destroy: () => database.drop() }
}

describe.skipIf(server === null)('on a server,', () => {
  checkpointContract('mongo', openMongo)

  describe('the owner of a partition in MongoDB', () => {
    let database: FreshDatabase
    let store: MongoCheckpoints

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

    test('is nobody until somebody claims', async () => {
      expect(await store.peek(0)).toBeNull()
    })

    test('is whoever claimed last', async () => {
      await store.claim(0, 'first')
      const { epoch } = await store.claim(0, 'second')
      expect(await store.peek(0)).toEqual({ owner: 'second', epoch, renewed: 0, released: false })
    })

    test('counts up its renewals', async () => {
      const claim = await store.claim(0, 'first')
      for (let n = 0; n < 3; n++) await store.renew(claim)
      expect(await store.peek(0)).toMatchObject({ renewed: 3 })
    })

    test('cannot renew once somebody else claimed', async () => {
      const claim = await store.claim(0, 'first')
      await store.claim(0, 'second')
      await expect(store.renew(claim)).rejects.toMatchObject({ code: 'RC_FENCED' })
    })

    test('loses neither a renewal nor a commit when they come at once', async () => {
      const claim = await store.claim(0, 'first')
      for (let cut = 1; cut <= 50; cut++) {
        const renewals = [store.renew(claim), store.renew(claim)]
        await store.commit(claim, cut, delta(actors(1, cut)))
        await Promise.all(renewals)
      }
      expect(await store.peek(0)).toMatchObject({ renewed: 100 })
      expect(await store.claim(0, 'second')).toMatchObject({ cut: 50 })
    })

    test('can give it back, and is then the owner no more', async () => {
      const claim = await store.claim(0, 'first')
      await store.release(claim)
      expect(await store.peek(0)).toMatchObject({ owner: 'first', released: true })
      await expect(store.commit(claim, 1, delta([]))).rejects.toMatchObject({ code: 'RC_FENCED' })
      await store.claim(0, 'second')
      expect(await store.peek(0)).toMatchObject({ owner: 'second', released: false })
    })

    test('gives nothing back that is no longer its own', async () => {
      const claim = await store.claim(0, 'first')
      await store.claim(0, 'second')
      await store.release(claim)
      expect(await store.peek(0)).toMatchObject({ owner: 'second', released: false })
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

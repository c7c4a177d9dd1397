import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CheckpointStore } from '../../src/checkpoint/index.ts'
import { openMongoCheckpoints } from '../../src/checkpoint/mongo/index.ts'
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

import { describe } from 'vitest'
import { openMongoCheckpoints } from '../../src/checkpoint/mongo/index.ts'
import { openMongoKept } from '../../src/checkpoint/mongo/kept.ts'
import { peekAtMongoCuts } from '../../src/checkpoint/mongo/peek.ts'
import { FreshDatabase, mongodbServer } from '../support/mongodb-server.ts'
import { keptCheckpointsContract } from './kept-checkpoints.ts'

const server = mongodbServer()

describe.skipIf(server === null)('on a server,', () => {
  keptCheckpointsContract('mongo', async () => {
    const database = new FreshDatabase(server!)
    const db = await database.connect()
    const slices = openMongoKept(db)
    return {
      ...{ store: openMongoCheckpoints(db), cuts: peekAtMongoCuts(db), slices },
      damage: (partition, slot) => slices.write(partition, slot, 0, Buffer.from('something else')),
      destroy: () => database.drop(),
    }
  })
})

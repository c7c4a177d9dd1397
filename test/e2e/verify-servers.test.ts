import { jetstreamManager } from '@nats-io/jetstream'
import type { Db } from 'mongodb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectMongo, type MongoConnection } from '../../src/mongodb/index.ts'
import { playEvening, SETTINGS, verified } from '../support/evening-kept.ts'
import { mongodbServer } from '../support/mongodb-server.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { key } from '../support/redis-live-sets.ts'
import { RedisServer, redisServerBinary } from '../support/redis-server.ts'
import { type Body, type Env, type Server, startServer } from '../support/server.ts'

const [mongodb, binary] = [mongodbServer(), redisServerBinary()]
const areThere = mongodb !== null && binary !== null && natsServerBinary() !== null

describe.skipIf(!areThere)('rollcall verify, of what servers keep', () => {
  let [nats, redis, mongo]: [NatsServer, RedisServer, MongoConnection] = [null!, null!, null!]
  let db: Db
  let server: Server
  let env: Env

  beforeAll(async () => {
    ;[nats, redis] = await Promise.all([startNatsServer(), RedisServer.start(binary!)])
    const url = mongodb!.freshUrl()
    env = { ROLLCALL_NATS_URL: nats.url, ROLLCALL_REDIS_URL: redis.url, ROLLCALL_MONGODB_URL: url }
    mongo = await connectMongo(url)
    db = mongo.db
    server = await startServer({ ...SETTINGS, ...env })
    await playEvening(server)
    await server.stop()
  }, 120_000)
  afterAll(async () => {
    await mongo?.close()
    await Promise.all([nats?.stop(), redis?.stop()])
  })

  /** Finds differences while something is other than it was; afterwards all is as before. */
  const found = async (change: () => Promise<() => Promise<unknown>>): Promise<Body[]> => {
    const restore = await change()
    const { code, differences } = await verified(server.data, env)
    await restore()
    expect(code).toBe(differences.length > 0 ? 1 : 0)
    return differences.map(({ of, name, text }: Body) => [of, name, text])
  }

  test('finds nothing in what is sound, makes no consumer, and claims nothing', async () => {
    const before = await db.collection('checkpoint-manifests').find().toArray()
    const { code, differences, notes, summary } = await verified(server.data, env)
    expect([code, differences, notes, summary.derived]).toEqual([0, [], [], 2])
    expect(await db.collection('checkpoint-manifests').find().toArray()).toEqual(before)
    const connection = await nats.connect()
    const { state } = await (await jetstreamManager(connection)).streams.info('ROLLCALL_0')
    await connection.close()
    expect(state.consumer_count).toBe(0)
  })

  test('finds a document that was edited by hand, and one that is gone', async () => {
    const sessions = db.collection<Body>('web-sessions')
    const [edited, gone] = await sessions
      .find({ _gone: { $exists: false } })
      .sort({ _id: 1 })
      .limit(2)
      .toArray()
    const differences = await found(async () => {
      await sessions.updateOne({ _id: edited._id }, { $set: { pageViews: 77 } })
      await sessions.deleteOne({ _id: gone._id })
      return () =>
        Promise.all([edited, gone].map(each => sessions.replaceOne({ _id: each._id }, each, { upsert: true })))
    })
    expect(differences.sort()).toEqual([
      ['document', `web-sessions ${edited._id}`, expect.stringContaining('pageViews is 77')],
      ['document', `web-sessions ${gone._id}`, 'is not there'],
    ])
  })

  test('finds flipped bytes in the blobs of the state', async () => {
    const blobs = db.collection<Body>('checkpoint-blobs')
    const all = await blobs.find().toArray()
    const differences = await found(async () => {
      // A record may be in several of them, of which the newest counts.
      for (const { _id, b } of all) {
        const changed = Buffer.from(b.buffer)
        for (let at = changed.indexOf('watched'); at >= 0; at = changed.indexOf('watched', at)) changed[at + 1]! ^= 1
        await blobs.updateOne({ _id }, { $set: { b: changed } })
      }
      return () => Promise.all(all.map(each => blobs.replaceOne({ _id: each._id }, each)))
    })
    expect(differences.length).toBeGreaterThan(0)
    expect(differences.every(([of]) => of === 'state')).toBe(true)
  })

  test('finds what is wrong in the copies in Redis', async () => {
    const { raw } = redis
    const [user, other] = await raw.zrevrange(key('alive'), 0, 1)
    const score = await raw.zscore(key('alive'), user!)
    const differences = await found(async () => {
      await raw.zadd(key('alive'), Number(score) - 1_000, user!)
      await raw.srem(key('attendance'), other!)
      await raw.sadd(key('attendance'), 'stranger')
      return async () => {
        await raw.zadd(key('alive'), score!, user!)
        await raw.sadd(key('attendance'), other!)
        await raw.srem(key('attendance'), 'stranger')
      }
    })
    expect(differences.sort()).toEqual([
      ['copy', `alive ${user}`, `it is ${Number(score) - 1_000}, should be ${score}`],
      ['copy', 'attendance stranger', 'should not be there'],
      ['copy', `attendance ${other}`, 'is not there'],
    ])
  })

  test('passes over copies that are not whole, and says so', async () => {
    const generation = await redis.raw.get(key('generation'))
    await redis.raw.del(key('generation'))
    const { code, notes } = await verified(server.data, env)
    await redis.raw.set(key('generation'), generation!)
    expect([code, notes.map(({ text }: Body) => text)]).toEqual([0, [expect.stringContaining('are not whole')]])
  })
})

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { connectMongo } from '../../src/mongodb/index.ts'
import type { Heartbeat } from '../support/heartbeat-oracle.ts'
import { expectAll, load, send } from '../support/load.ts'
import { mongodbServer } from '../support/mongodb-server.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { RedisServer, redisServerBinary } from '../support/redis-server.ts'
import { type Env, type Server, startServer } from '../support/server.ts'

const SECOND = 1_000

const mongodb = mongodbServer()
const isHere = mongodb !== null && natsServerBinary() !== null && redisServerBinary() !== null

let nats: NatsServer
let redis: RedisServer
let env: Env
let server: Server

/** Redis names those alive whom the beats do, and of those who were ever there as many as the API counts. */
async function expectCopies(beats: Heartbeat[]): Promise<void> {
  const newest = new Map<string, number>()
  for (const { userId, at } of beats) newest.set(userId, Math.max(at, newest.get(userId) ?? 0))
  await vi.waitFor(
    async () => {
      const since = Date.now() - 60 * SECOND
      const alive = await redis.raw.zrangebyscore('rollcall:{live}:alive', since, '+inf')
      expect(await redis.raw.get('rollcall:{live}:generation')).not.toBeNull()
      const { attendance } = (await server.get('/viewers')).body
      expect([await redis.raw.scard('rollcall:{live}:attendance'), attendance]).toEqual([newest.size, newest.size])
      const streams = new Set(beats.flatMap(({ path }) => /^\/(?:sessions|live)\/([^/?]+)/.exec(path)?.[1] ?? []))
      for (const stream of streams) {
        const { attendance } = (await server.get(`/sessions/${stream}/viewers`)).body
        expect([stream, await redis.raw.scard(`rollcall:{live}:attendance:${stream}`)]).toEqual([stream, attendance])
      }
      expect(alive.sort()).toEqual(
        [...newest]
          .filter(([, at]) => at >= since)
          .map(([userId]) => userId)
          .sort(),
      )
    },
    { timeout: 30_000, interval: 200 },
  )
}

describe.skipIf(!isHere)('with all on servers, under load,', () => {
  beforeEach(async () => {
    nats = await startNatsServer()
    redis = await RedisServer.start(redisServerBinary()!)
    env = {
      ...{ ROLLCALL_NATS_URL: nats.url, ROLLCALL_MONGODB_URL: mongodb!.freshUrl(), ROLLCALL_REDIS_URL: redis.url },
      ...{ ROLLCALL_FLUSH_MS: '100', ROLLCALL_TAKE_OVER_MS: '1500' },
    }
    server = await startServer(env)
  })
  afterEach(async () => {
    await server.kill().catch(() => {})
    await Promise.all([nats.stop(), redis.stop()])
  })

  const faults: [name: string, inject: () => Promise<void>][] = [
    ['kill -9 of Rollcall', () => server.restart()],
    ['kill -9 of the server of NATS', () => nats.restart()],
    [
      'kill -9 of MongoDB',
      async () => {
        await mongodb!.kill()
        await mongodb!.restart()
      },
    ],
    [
      'kill -9 of what is behind MongoDB',
      async () => {
        await (mongodb!.kills.includes('killPostgres') ? mongodb!.killPostgres() : mongodb!.kill())
        await mongodb!.restart()
      },
    ],
    ['kill -9 of Redis', () => redis.restart()],
    ['Redis emptied', () => redis.flush()],
    [
      'Redis frozen',
      async () => {
        redis.freeze()
        await server.get('/livez')
        setTimeout(() => redis.thaw(), 3_000)
      },
    ],
  ]

  test.each(faults)('%s changes no result', { timeout: 120_000 }, async (_, inject) => {
    const { beats, requests } = load(Date.now())
    const third = Math.ceil(requests.length / 3)
    await send(requests.slice(0, third), server)
    await Promise.all([inject(), send(requests.slice(third, 2 * third), server)])
    await inject()
    await send(requests.slice(2 * third), server)
    await expectAll(beats, server)
    await expectCopies(beats)
  })

  test('an owner of whose partitions one was claimed behind its back claims it again', {
    timeout: 120_000,
  }, async () => {
    const { beats, requests } = load(Date.now())
    const half = Math.ceil(requests.length / 2)
    await send(requests.slice(0, half), server)
    const { db, close } = await connectMongo(env.ROLLCALL_MONGODB_URL!)
    await db.collection<{ _id: number }>('checkpoint-manifests').updateOne({ _id: 3 }, { $inc: { epoch: 1 } })
    await close()
    await send(requests.slice(half), server)
    await vi.waitFor(() => expect(server.output.match(/owns the partitions/g)).toHaveLength(2), { timeout: 30_000 })
    await vi.waitFor(async () => expect((await server.get('/readyz')).status).toBe(200), { timeout: 30_000 })
    await expectAll(beats, server)
  })

  test('an owner that was paused steps down when another took over, and nothing doubles', {
    timeout: 120_000,
  }, async () => {
    const { beats, requests } = load(Date.now())
    const half = Math.ceil(requests.length / 2)
    await send(requests.slice(0, half), server)
    const says = (who: Server, text: RegExp, times = 1): Promise<void> =>
      vi.waitFor(() => expect(who.output.match(text)).toHaveLength(times), { timeout: 30_000 })
    const starting = startServer(env)
    process.kill(server.pid, 'SIGSTOP')
    const other = await starting
    await send(requests.slice(half), other)
    await says(other, /owns the partitions/g)
    process.kill(server.pid, 'SIGCONT')
    await expectAll(beats, other)
    await says(server, /standing by/g)
    await send(requests.slice(0, 5), other)
    await expectAll(beats, other)
    await other.stop()
    await says(server, /owns the partitions/g, 2)
    await server.stop()
    server = await startServer(env)
    await expectAll(beats, server)
  })
})

import type { NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { expectAll, load, send } from '../support/load.ts'
import { mongodbServer } from '../support/mongodb-server.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { RedisServer, redisServerBinary } from '../support/redis-server.ts'
import { type Body, type Env, inParallel, type Server, startServer } from '../support/server.ts'

/** A process that was asked to end has so long before it is killed. */
const PATIENCE_MS = 10_000
const STREAMERS = Array.from({ length: 8 }, (_, n) => `sam-${n}`)

const mongodb = mongodbServer()
const isHere =
  mongodb !== null && mongodb.kills.length > 0 && natsServerBinary() !== null && redisServerBinary() !== null

describe.skipIf(!isHere)('with all on servers, under load, a server that is told to end', () => {
  let nats: NatsServer
  let redis: RedisServer
  let client: NatsConnection
  let env: Env
  let server: Server

  beforeEach(async () => {
    nats = await startNatsServer()
    redis = await RedisServer.start(redisServerBinary()!)
    client = await nats.connect()
    env = {
      ...{ ROLLCALL_NATS_URL: nats.url, ROLLCALL_MONGODB_URL: mongodb!.freshUrl(), ROLLCALL_REDIS_URL: redis.url },
      // Nobody lives to see an owner that did not release them lose its partitions.
      ...{ ROLLCALL_FLUSH_MS: '200', ROLLCALL_TAKE_OVER_MS: '600000' },
    }
    server = await startServer(env)
  })
  afterEach(async () => {
    mongodb!.thaw()
    await mongodb!.restart()
    await server.kill().catch(() => {})
    await client.close()
    await Promise.all([nats.stop(), redis.stop()])
  })

  /** Everybody sends, over HTTP and over NATS, each thing until it is acknowledged. */
  function loaded() {
    const { beats, requests } = load(Date.now())
    const sessions = new Map<string, Body>()
    const positions: string[] = []
    const started = inParallel(2, STREAMERS, async userId => {
      sessions.set(userId, (await server.deliver('/sessions', { userId })).body)
    })
    const overNats = Array.from({ length: 300 }, (_, n) => ({ userId: `over-nats-${n}`, path: '/', at: Date.now() }))
    const asked = inParallel(4, overNats, async beat => {
      for (let isTaken = false; !isTaken; ) {
        const request = client.request(`heartbeats.${beat.userId}`, JSON.stringify(beat), { timeout: 1_000 })
        const { accepted, position } = await request.then(
          reply => reply.json() as Body,
          () => ({}),
        )
        isTaken = accepted === 1
        if (isTaken) positions.push(position)
        if (client.isClosed()) client = await nats.connect().catch(() => client)
      }
    })
    const all = Promise.all([send(requests, server), started, asked])
    const expectWhole = async (): Promise<void> => {
      await all
      await server.get('/viewers', { headers: { 'rollcall-after': positions.join(',') } })
      await expectAll([...beats, ...overNats], server)
      for (const [userId, session] of sessions) {
        const { body } = await server.get(`/sessions/${session.id}`, { after: true })
        expect([body.userId, body.active]).toEqual([userId, true])
      }
    }
    return { underWay: () => vi.waitUntil(() => sessions.size > 3, 20_000), expectWhole }
  }

  test('says so, takes no more, ends with 0, and its successor owns the partitions at once and has everything', {
    timeout: 120_000,
  }, async () => {
    const { underWay, expectWhole } = loaded()
    await underWay()
    mongodb!.freeze()
    server.signal('SIGTERM')
    const closing = { status: 503, body: { code: 'RC_CLOSING' } }
    await vi.waitFor(async () => expect(await server.get('/readyz')).toMatchObject(closing), { timeout: 5_000 })
    expect(await server.post('/heartbeats', { userId: 'x', path: '/' })).toMatchObject(closing)
    expect((await server.get('/livez')).status).toBe(200)
    mongodb!.thaw()
    expect(await server.code(PATIENCE_MS)).toBe(0)
    await server.start()
    await expectWhole()
  })

  const faults: [name: string, disturb: () => unknown, mend: () => unknown, code: number][] = [
    ['NATS is down', () => nats.kill(), () => nats.restart(), 0],
    ['NATS is frozen', () => nats.pause(), () => nats.resume(), 0],
    ['MongoDB is down', () => mongodb!.kill(), () => mongodb!.restart(), 1],
    ['MongoDB is frozen', () => mongodb!.freeze(), () => mongodb!.thaw(), 1],
    ['Redis is down', () => redis.kill(), () => redis.up(), 0],
    ['Redis is frozen', () => redis.freeze(), () => redis.thaw(), 0],
  ]
  test.each(faults)(
    'ends in time though %s, and loses nothing',
    {
      timeout: 120_000,
    },
    async (_, disturb, mend, code) => {
      const { underWay, expectWhole } = loaded()
      await underWay()
      await disturb()
      server.signal('SIGTERM')
      expect(await server.code(PATIENCE_MS)).toBe(code)
      await mend()
      if (code === 0) await server.start()
      else await server.restart({ ROLLCALL_TAKE_OVER_MS: '500' })
      await expectWhole()
    },
  )

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('ends at once at a second %s', { timeout: 60_000 }, async (signal, code) => {
    const { underWay, expectWhole } = loaded()
    await underWay()
    mongodb!.freeze()
    server.signal('SIGTERM')
    await vi.waitFor(async () => expect((await server.get('/readyz')).status).toBe(503), { timeout: 5_000 })
    server.signal(signal)
    expect(await server.code(PATIENCE_MS)).toBe(code)
    mongodb!.thaw()
    await server.restart({ ROLLCALL_TAKE_OVER_MS: '500' })
    await expectWhole()
  })
})

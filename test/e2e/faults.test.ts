import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Heartbeat, statistics, viewers } from '../support/heartbeat-oracle.ts'
import { mongodbServer } from '../support/mongodb-server.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { seeded } from '../support/random.ts'
import { RedisServer, redisServerBinary } from '../support/redis-server.ts'
import { type Body, type Env, inParallel, type Server, startServer } from '../support/server.ts'

const SECOND = 1_000
const USERS = 120
const VISITORS = 40

const mongodb = mongodbServer()
const isHere = mongodb !== null && natsServerBinary() !== null && redisServerBinary() !== null

let nats: NatsServer
let redis: RedisServer
let env: Env
let server: Server

/** An evening's beats and visits in requests, and what is to be read when all of them have arrived. */
function evening(now: number) {
  const random = seeded('faults')
  const beats = Array.from({ length: USERS }, (_, i): Heartbeat[] =>
    Array.from({ length: random.int(5, 15) }, (_, n) => ({
      ...{
        userId: `user-${i}`,
        at: now - n * 40 * SECOND - (i % 20) * 10,
        path: random.pick(['/', '/live/a', '/live/b']),
      },
      ...{ country: random.pick(['TW', 'DE']), groups: random.pick([[], ['free'], ['free', 'beta']]) },
    })),
  ).flat()
  const visits = Array.from({ length: VISITORS * 10 }, (_, n) => ({
    ...{ id: `e${n}`, sessionId: `visitor-${n % VISITORS}`, ts: now - n * SECOND, page: `/${random.int(0, 3)}` },
  }))
  const requests = random.shuffle([
    ...random.cut(random.shuffle([...beats, ...beats.slice(0, 200)]), 60).map(body => ({ path: '/heartbeats', body })),
    ...random.cut(random.shuffle([...visits, ...visits.slice(0, 100)]), 30).map(body => ({ path: '/events', body })),
  ] as { path: string; body: unknown }[])
  return { beats, requests }
}

async function send(requests: { path: string; body: unknown }[], to: Server = server): Promise<void> {
  await inParallel(4, requests, async ({ path, body }) => void (await to.deliver(path, body)))
}

async function expectAll(beats: Heartbeat[], on: Server = server): Promise<void> {
  const { body } = await on.get('/statistics?from=0&to=9999999999999', { after: true })
  expect(body.records).toEqual(statistics(beats))
  const attendance = ({ attendance, bySession }: Body) => ({
    all: attendance,
    ...Object.fromEntries(Object.entries(bySession as Body).map(([id, count]) => [id, (count as Body).attendance])),
  })
  const { body: audience } = await on.get('/viewers', { after: true })
  expect(attendance(audience)).toEqual(attendance(viewers(beats, Date.now())))
  const counts = await Promise.all(
    Array.from({ length: VISITORS }, async (_, n) => {
      const { webSessions } = (await on.get(`/web-sessions?visitor=visitor-${n}`, { after: true })).body
      return webSessions.reduce((sum: number, { eventCount }: Body) => sum + eventCount, 0)
    }),
  )
  expect(counts).toEqual(Array(VISITORS).fill(10))
}

/** Who is alive by Redis is who is alive by the beats. */
async function expectCopies(beats: Heartbeat[]): Promise<void> {
  const newest = new Map<string, number>()
  for (const { userId, at } of beats) newest.set(userId, Math.max(at, newest.get(userId) ?? 0))
  await vi.waitFor(
    async () => {
      const since = Date.now() - 60 * SECOND
      const alive = await redis.raw.zrangebyscore('rollcall:{live}:alive', since, '+inf')
      expect(await redis.raw.get('rollcall:{live}:generation')).not.toBeNull()
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
    const { beats, requests } = evening(Date.now())
    const third = Math.ceil(requests.length / 3)
    await send(requests.slice(0, third))
    await Promise.all([inject(), send(requests.slice(third, 2 * third))])
    await inject()
    await send(requests.slice(2 * third))
    await expectAll(beats)
    await expectCopies(beats)
  })

  test('an owner that was paused steps down when another took over, and nothing doubles', {
    timeout: 120_000,
  }, async () => {
    const { beats, requests } = evening(Date.now())
    const half = Math.ceil(requests.length / 2)
    await send(requests.slice(0, half))
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
    await expectAll(beats)
  })
})

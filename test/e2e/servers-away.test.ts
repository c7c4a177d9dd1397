import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { mongodbServer } from '../support/mongodb-server.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { RedisServer, redisServerBinary } from '../support/redis-server.ts'
import { type Server, startServer } from '../support/server.ts'

const mongodb = mongodbServer()
const isHere = mongodb !== null && natsServerBinary() !== null && redisServerBinary() !== null

const PARTITIONS = 8

let nats: NatsServer
let redis: RedisServer
let server: Server

describe.skipIf(!isHere)('of a server under Rollcall that goes away', () => {
  let beating: NodeJS.Timeout
  beforeAll(async () => {
    nats = await startNatsServer()
    redis = await RedisServer.start(redisServerBinary()!)
    server = await startServer({
      ...{ ROLLCALL_NATS_URL: nats.url, ROLLCALL_MONGODB_URL: mongodb!.freshUrl(), ROLLCALL_REDIS_URL: redis.url },
      ...{ ROLLCALL_FLUSH_MS: '100', ROLLCALL_PARTITIONS: String(PARTITIONS), ROLLCALL_TAKE_OVER_MS: '1500' },
    })
    // Those that are refused meanwhile are sent again by nobody.
    beating = setInterval(() => server.post('/heartbeats', { userId: 'ann', path: '/live/x' }).catch(() => {}), 50)
  })
  afterAll(async () => {
    clearInterval(beating)
    await server?.kill()
    await Promise.all([nats?.stop(), redis?.stop()])
  })

  /** What the log says beyond its everyday lines, as words. */
  const said = (): string[] =>
    server.output.split('\n').flatMap(line => {
      const { level, msg } = JSON.parse(line)
      return level > 30 || /is back/.test(msg) ? [msg] : []
    })

  const servers: [name: string, what: string, away: () => Promise<unknown>, back: () => Promise<unknown>][] = [
    ['redis', 'kill -9 of Redis', () => redis.kill(), () => redis.up()],
    ['nats', 'kill -9 of NATS', () => nats.kill(), () => nats.start()],
    ['nats', 'a frozen NATS', () => nats.pause(), async () => nats.resume()],
    ['mongodb', 'kill -9 of MongoDB', () => mongodb!.kill(), () => mongodb!.restart()],
    [
      'mongodb',
      'kill -9 of what is behind MongoDB',
      () => (mongodb!.kills.includes('killPostgres') ? mongodb!.killPostgres() : mongodb!.kill()),
      () => mongodb!.restart(),
    ],
  ]

  test.each(servers)(
    '%s is one line, and one when it is back, after %s',
    { timeout: 90_000 },
    async (name, ...rest) => {
      const [, away, back] = rest
      const before = said().length
      const says = (words: string): Promise<void> =>
        vi.waitFor(() => expect(said().slice(before).join()).toContain(words), { timeout: 30_000, interval: 50 })
      await away()
      await says(`${name} is away`)
      // Meanwhile what waits for it fails: before, each partition said so again and again.
      await pause(4_000)
      const { body: shown } = await server.get('/figures.json')
      expect(shown.away).toEqual([{ server: name, since: expect.any(Number) }])
      expect(shown.at - shown.away[0].since).toBeGreaterThan(3_000)
      expect(shown.wrong[0].text).toMatch(new RegExp(`^${name} gives this process no answer since `, 'i'))
      await back()
      await says(`${name} is back after`)
      await vi.waitFor(async () => expect((await server.get('/figures.json')).body.away).toEqual([]), {
        timeout: 5_000,
      })
      await vi.waitFor(async () => expect((await server.get('/readyz')).status).toBe(200), { timeout: 30_000 })
      // A summary of what callers were refused for is another thing.
      const all = said()
        .slice(before)
        .filter(words => words !== 'refused')
      expect(all).toEqual([`${name} is away`, expect.stringMatching(RegExp(`^${name} is back after \\d+\\.\\d s$`))])
    },
  )

  test('a Redis that answers, and takes no writes, is away too, and each partition says why once', async () => {
    const before = said().length
    const since = (): string[] => said().slice(before)
    await redis.raw.replicaof('127.0.0.1', 1)
    await vi.waitFor(() => expect(since()).toContain('redis is away'), { timeout: 30_000, interval: 50 })
    expect(server.output).toMatch(/"why":"READONLY /)
    await pause(4_000)
    await redis.raw.replicaof('NO', 'ONE')
    await vi.waitFor(() => expect(since().join()).toContain('redis is back after'), { timeout: 30_000, interval: 50 })
    const faults = since().filter(words => words === 'shard fault')
    expect(faults.length).toBeGreaterThan(0)
    expect(faults.length).toBeLessThanOrEqual(PARTITIONS)
  })
})

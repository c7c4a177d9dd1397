import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { mongodbServer } from '../support/mongodb-server.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { FIVE_MINUTES, fires, lasting, prometheusFolder, type Scrape, sampled, scraped } from '../support/prometheus.ts'
import { RedisServer, redisServerBinary } from '../support/redis-server.ts'
import { type Env, type Server, startServer } from '../support/server.ts'

const mongodb = mongodbServer()
const isHere = mongodb && natsServerBinary() && redisServerBinary() && prometheusFolder()
const SETTINGS: Env = { ROLLCALL_PARTITIONS: '2', ROLLCALL_SHARDS: '1', ROLLCALL_FLUSH_MS: '50' }

describe.skipIf(!isHere)('the alerts of ops/, of a Rollcall with all on servers,', { timeout: 200_000 }, () => {
  let nats: NatsServer
  let redis: RedisServer
  let env: Env
  let server: Server
  let before: Scrape
  beforeAll(async () => {
    nats = await startNatsServer()
    redis = await RedisServer.start(redisServerBinary()!)
    const urls = { ROLLCALL_NATS_URL: nats.url, ROLLCALL_REDIS_URL: redis.url }
    env = { ...SETTINGS, ...urls, ROLLCALL_MONGODB_URL: mongodb!.freshUrl(), ROLLCALL_TAKE_OVER_MS: '60000' }
    server = await startServer(env)
    before = await scraped(await server.url, FIVE_MINUTES)
  })
  afterAll(async () => {
    await server?.kill().catch(() => {})
    await Promise.all([nats?.stop(), redis?.stop()])
  })

  const sends = () => server.post('/heartbeats', { userId: 'ann', path: '/' })
  const isUp = (name: string, up: number): Promise<void> =>
    vi.waitFor(async () => expect(await sampled(await server.url, `rollcall_server_up{server="${name}"}`)).toBe(up), {
      ...{ timeout: 20_000, interval: 100 },
    })
  test('say which server is away: Redis', async () => {
    await redis.kill()
    await isUp('redis', 0)
    expect(await fires(['RollcallServerAway'], [before, ...(await lasting(await server.url))])).toBe('so it is')
    await redis.up()
    await isUp('redis', 1)
    expect(await fires([], [before, ...(await lasting(await server.url))])).toBe('so it is')
  })

  test('say which server is away: MongoDB, and how far the commits are behind', async () => {
    // What the bridge has to know of her it knows for a minute.
    expect((await sends()).status).toBe(202)
    await mongodb!.kill()
    await isUp('mongodb', 0)
    // One by one, so that each is an entry of its own.
    for (let n = 0; n < 600; n++) expect((await sends()).status).toBe(202)
    const said = await lasting(await server.url)
    expect(await fires(['RollcallLag', 'RollcallServerAway'], [before, ...said])).toBe('so it is')
    await mongodb!.restart()
    await isUp('mongodb', 1)
    await vi.waitFor(async () => expect((await server.get('/readyz')).status).toBe(200), { timeout: 30_000 })
  })

  test('say which server is away: NATS, and that writes are refused', async () => {
    await nats.kill()
    await isUp('nats', 0)
    onTestFinished(async () => {
      await nats.start()
      await isUp('nats', 1)
    })
    // Each is tried for ten seconds before it is refused, with those that came meanwhile.
    const beats = async () => {
      sends().catch(() => {})
      await pause(2_000)
    }
    const said = await lasting(await server.url, beats)
    const all = ['RollcallServerAway', 'RollcallWritesRefused']
    expect(await fires(all, [before, ...said])).toBe('so it is')
  })

  test('say that nobody owns the partitions', async () => {
    const bridge = await startServer(env)
    expect(await sampled(await bridge.url, 'rollcall_owned_by_somebody{}')).toBe(1)
    expect(await fires([], [await scraped(await server.url, 20)], [await scraped(await bridge.url, 20)])).toBe(
      'so it is',
    )
    await server.kill()
    await vi.waitFor(async () => expect(await sampled(await bridge.url, 'rollcall_owned_by_somebody{}')).toBe(0), {
      ...{ timeout: 20_000, interval: 200 },
    })
    expect(await fires(['RollcallNoOwner'], await lasting(await bridge.url))).toBe('so it is')
    await bridge.kill()
  })
})

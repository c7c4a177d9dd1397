import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { mongodbServer } from '../support/mongodb-server.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { FIVE_MINUTES, fires, lasting, prometheusFolder, type Scrape, sampled, scraped } from '../support/prometheus.ts'
import { RedisServer, redisServerBinary } from '../support/redis-server.ts'
import { type Env, inParallel, type Server, startServer } from '../support/server.ts'

const mongodb = mongodbServer()
const isHere = mongodb && natsServerBinary() && redisServerBinary() && prometheusFolder()
const SETTINGS: Env = { ROLLCALL_PARTITIONS: '2', ROLLCALL_SHARDS: '1', ROLLCALL_FLUSH_MS: '50' }

describe.skipIf(!isHere)('the alerts of ops/, of a Rollcall with all on servers,', () => {
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

  const sends = (userId = 'ann') => server.post('/heartbeats', { userId, path: '/live/x' })
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

  test('say which server is away: MongoDB, and how far the commits are behind', { timeout: 120_000 }, async () => {
    await mongodb!.kill()
    await isUp('mongodb', 0)
    await inParallel(20, Array(1_500).keys(), async n => void (await sends(`u${n % 50}`)))
    const said = await lasting(await server.url)
    expect(await fires(['RollcallLag', 'RollcallServerAway'], [before, ...said])).toBe('so it is')
    await mongodb!.restart()
    await isUp('mongodb', 1)
    await vi.waitFor(async () => expect((await server.get('/readyz')).status).toBe(200), { timeout: 30_000 })
  })

  test('say which server is away: NATS, and that writes are refused', { timeout: 120_000 }, async () => {
    await nats.kill()
    await isUp('nats', 0)
    const said = await lasting(await server.url, () => sends())
    const all = ['RollcallServerAway', 'RollcallWritesRefused']
    expect(await fires(all, [before, ...said])).toBe('so it is')
    await nats.start()
    await isUp('nats', 1)
  })

  test('say that nobody owns the partitions', { timeout: 120_000 }, async () => {
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

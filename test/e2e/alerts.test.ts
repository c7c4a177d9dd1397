import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openLog } from '../../src/log/embedded/writer.ts'
import { partitionOf } from '../../src/log/partition-of.ts'
import { flipInLog } from '../support/flipped.ts'
import { beat } from '../support/hostile-events.ts'
import { FIVE_MINUTES, fires, lasting, prometheusFolder, sampled, scraped } from '../support/prometheus.ts'
import { type Env, type Server, startServer, temporaryDirectory } from '../support/server.ts'

const SETTINGS: Env = { ROLLCALL_PARTITIONS: '2', ROLLCALL_SHARDS: '1', ROLLCALL_FLUSH_MS: '50' }
const AWAY: Env = {
  ...{ PUSHER_APP_ID: '1', PUSHER_KEY: 'k', PUSHER_SECRET: 's', PUSHER_HOST: '127.0.0.1', PUSHER_PORT: '9' },
  PUSHER_TLS: 'false',
}
const MIB = 2 ** 20
const HERE = Array.from({ length: 40 }, (_, i) => `u${i}`).filter(user => partitionOf(user, 2) === 0)

const sends = (server: Server, userId = HERE[0]!) => server.post('/heartbeats', { userId, path: '/live/x' })
const started = async (env: Env, data?: string): Promise<Server> => {
  const server = await startServer({ ...SETTINGS, ...env }, data)
  onTestFinished(() => server.kill().catch(() => {}))
  return server
}

describe.skipIf(!prometheusFolder())('the alerts of ops/', { timeout: 200_000 }, () => {
  let waiting: Server
  beforeAll(async () => {
    // Its effect is to be old enough at last.
    waiting = await startServer({ ...SETTINGS, ...AWAY })
    const { body: session } = await waiting.post('/sessions', { userId: 'sam', title: 'one' })
    await waiting.post(`/sessions/${session.id}/preset`, { preset: 'sd' })
  })
  afterAll(() => waiting.kill())

  test('are silent of a server that is well, under load', async () => {
    const server = await started({})
    const url = await server.url
    let n = 0
    const beats = () => Promise.all(Array.from({ length: 20 }, () => sends(server, `u${n++ % 500}`)))
    expect(await fires([], [await scraped(url, FIVE_MINUTES), ...(await lasting(url, beats))])).toBe('so it is')
  })

  test('name a process that does not answer', async () => {
    const server = await started({})
    const url = await server.url
    const before = await scraped(url, FIVE_MINUTES)
    await server.kill()
    expect(await fires(['RollcallDown'], [before, await scraped(url, 8)])).toBe('so it is')
  })

  test('name a process that is killed and started again and again', async () => {
    const server = await started({})
    const scrapes = [await scraped(await server.url, FIVE_MINUTES)]
    for (let n = 0; n < 4; n++) {
      await server.restart()
      scrapes.push(await scraped(await server.url, 8))
    }
    expect(await fires(['RollcallRestartLoop'], scrapes)).toBe('so it is')
  })

  test('name an event that is parked', async () => {
    const server = await started({})
    const before = await scraped(await server.url, FIVE_MINUTES)
    await server.stop()
    const log = await openLog(join(server.data, 'log'), 2, {})
    await log.append(0, [beat(HERE[0]!, { groups: 'all' })])
    await log.close()
    await server.start()
    await vi.waitFor(async () => expect((await server.get('/parked')).body.parked).toHaveLength(1))
    expect(await fires(['RollcallParked'], [before, ...(await lasting(await server.url))])).toBe('so it is')
  })

  test('name a partition that stopped, and whose replay therefore does not end', async () => {
    const server = await started({ ROLLCALL_FLUSH_MS: '60000' })
    for (const user of HERE.slice(0, 4)) await sends(server, user)
    await server.kill()
    const log = await openLog(join(server.data, 'log'), 2, {})
    const { last } = await log.bounds(0)
    await log.close()
    await flipInLog(join(server.data, 'log'), 0, last - 1, 300)
    await server.start()
    const stuck = await lasting(await server.url)
    const all = ['RollcallPartitionStopped', 'RollcallReplayStuck']
    expect(await fires(all, [...stuck, ...stuck])).toBe('so it is')
  })

  // To bound a disk a file system is mounted.
  test.skipIf(process.getuid?.() !== 0)('name a disk that is nearly full, and writes that are refused', async () => {
    const data = temporaryDirectory()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=60m', 'none', data])
    onTestFinished(() => void execFileSync('umount', ['-l', data]))
    const server = await started({}, data)
    const url = await server.url
    expect((await sends(server)).status).toBe(202)
    expect(await fires(['RollcallDisk'], [await scraped(url, 12)])).toBe('so it is')
    execFileSync('fallocate', ['-l', String(34 * MIB), join(data, 'filled')])
    await vi.waitFor(async () => expect((await sends(server)).status).toBe(503), { timeout: 10_000 })
    const refused = await lasting(url, () => sends(server))
    expect(await fires(['RollcallDisk', 'RollcallWritesRefused'], refused)).toBe('so it is')
  })

  test('name an effect that waits since Pusher is away', async () => {
    const url = await waiting.url
    const ages = () => Promise.all([0, 1].map(p => sampled(url, `rollcall_outbox_oldest_seconds{partition="${p}"}`)))
    const age = async () => Math.max(...(await ages()))
    await vi.waitFor(async () => expect(await age()).toBeGreaterThan(60), { timeout: 150_000, interval: 1_000 })
    expect(await fires(['RollcallOutboxOld'], await lasting(url))).toBe('so it is')
  })
})

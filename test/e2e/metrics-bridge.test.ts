import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { figure } from '../support/exposition.ts'
import { mongodbServer } from '../support/mongodb-server.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { type Env, type Server, startServer } from '../support/server.ts'

const mongodb = mongodbServer()
const PATIENCE = { timeout: 30_000, interval: 200 }
/** Figures that only the owner of the partitions has. */
const OF_OWNER = [
  'rollcall_commits_total',
  'rollcall_pulses_total',
  'rollcall_partition_running',
  'rollcall_viewers_alive',
]

let nats: NatsServer
let servers: Server[]

const text = async (server: Server): Promise<string> => {
  const { status, body } = await server.get('/metrics')
  expect(status).toBe(200)
  return body
}

describe.skipIf(mongodb === null || natsServerBinary() === null)(
  'of two processes with one log and one database',
  () => {
    let env: Env
    beforeEach(async () => {
      nats = await startNatsServer()
      env = { ROLLCALL_NATS_URL: nats.url, ROLLCALL_MONGODB_URL: mongodb!.freshUrl() }
      Object.assign(env, { ROLLCALL_FLUSH_MS: '100', ROLLCALL_TAKE_OVER_MS: '1500', ROLLCALL_PARTITIONS: '4' })
      servers = [await startServer(env), await startServer(env)]
    })
    afterEach(async () => {
      for (const server of servers) await server.kill().catch(() => {})
      await nats.stop().catch(() => {})
    })

    test('the owner has the figures of the partitions, the other one its own alone until it owns them', async () => {
      const [owner, bridge] = servers as [Server, Server]
      expect((await bridge.post('/heartbeats', { userId: 'ann', path: '/' })).status).toBe(202)
      await vi.waitFor(async () => {
        const own = await text(owner)
        for (const name of OF_OWNER) expect(figure(own, name), name).toBeGreaterThanOrEqual(0)
        expect(figure(own, 'rollcall_owner')).toBe(1)
        expect(figure(own, 'rollcall_actors_resident')).toBe(1)
        expect(figure(own, 'rollcall_partition_lag_entries', { stage: 'apply' })).toBe(0)
      }, PATIENCE)
      const other = await text(bridge)
      for (const name of OF_OWNER) expect(figure(other, name), name).toBeUndefined()
      expect(figure(other, 'rollcall_owner')).toBe(0)
      expect(figure(other, 'rollcall_owned_by_somebody')).toBe(1)
      expect(figure(other, 'rollcall_log_appended_events_total')).toBe(1)
      expect(figure(other, 'rollcall_http_request_seconds', { route: '/heartbeats', status: '202' })).toBe(1)

      await owner.kill()
      await vi.waitFor(async () => expect(figure(await text(bridge), 'rollcall_owned_by_somebody')).toBe(0), PATIENCE)
      await vi.waitFor(async () => {
        const now = await text(bridge)
        expect(figure(now, 'rollcall_owner')).toBe(1)
        expect(figure(now, 'rollcall_partition_running')).toBe(4)
        expect(figure(now, 'rollcall_commits_total')).toBeGreaterThan(0)
      }, PATIENCE)
    })

    test('both answer in time while NATS is away, with what they know', async () => {
      await nats.stop()
      for (const server of servers) {
        await vi.waitFor(async () => {
          const began = performance.now()
          const now = await text(server)
          expect(performance.now() - began).toBeLessThan(5_000)
          expect(figure(now, 'rollcall_ready')).toBe(0)
        }, PATIENCE)
      }
      expect(figure(await text(servers[0]!), 'rollcall_partition_epoch')).toBe(4)
    })
  },
)

import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { partitionOf } from '../../src/log/partition-of.ts'
import { formerly } from '../support/former-entries.ts'
import { beat } from '../support/hostile-events.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { type Server, startServer } from '../support/server.ts'

const PARTITIONS = 2

describe.skipIf(!natsServerBinary())('a server in whose streams somebody else writes', () => {
  let nats: NatsServer
  let server: Server
  beforeAll(async () => {
    nats = await startNatsServer()
    server = await startServer({ ROLLCALL_PARTITIONS: String(PARTITIONS), ROLLCALL_NATS_URL: nats.url })
  })
  afterAll(() => nats.stop())

  const publish = async (...entries: object[][]): Promise<void> => {
    const connection = await nats.connect()
    const { streams } = await jetstreamManager(connection)
    const { config } = await streams.info(`ROLLCALL_${partitionOf('ann', PARTITIONS)}`)
    for (const events of entries) await jetstream(connection).publish(config.subjects[0]!, formerly(events))
    await connection.close()
  }
  const sends = (userId: string) => server.post('/heartbeats', { userId, path: '/' })

  test('parks what cannot be applied, and says so', async () => {
    await publish([beat('ann', { groups: 'all' })], [beat('ann')])
    await vi.waitFor(async () => {
      expect((await server.get('/parked')).body.parked).toMatchObject([
        { actor: 'viewer/ann', error: 'heartbeat: groups does not fit.', count: 2 },
      ])
    })
    expect((await sends('ann')).status).toBe(202)
  })

  test('takes no more for an actor of which too much is parked, and all for others', async () => {
    for (let n = 0; n < 3; n++) await publish(Array.from({ length: 500 }, () => beat('ann')))
    await vi.waitFor(
      async () => expect(await sends('ann')).toMatchObject({ status: 503, body: { code: 'RC_ACTOR_PARKED' } }),
      { timeout: 10_000, interval: 200 },
    )
    const others = ['bob', 'cid', 'dan', 'eve'].filter(user => partitionOf(user, 2) === partitionOf('ann', 2))
    expect(others.length).toBeGreaterThan(0)
    for (const user of others) {
      expect((await sends(user)).status).toBe(202)
      expect((await server.get(`/users/${user}/viewing-sessions`, { after: true })).body.viewingSessions.length).toBe(1)
    }
    expect((await server.get('/readyz')).status).toBe(200)
  })

  test('goes on from there after a restart, and takes all again once that is dropped', async () => {
    await server.restart()
    expect((await server.get('/parked')).body.parked).toMatchObject([{ actor: 'viewer/ann' }])
    expect((await server.post('/parked/viewer/ann/drop', {})).status).toBe(202)
    await vi.waitFor(async () => expect((await sends('ann')).status).toBe(202), { timeout: 10_000, interval: 200 })
    expect((await server.get('/actors/viewer/ann', { after: true })).status).toBe(200)
    expect((await server.get('/parked')).body.parked).toEqual([])
  })
})

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { open } from 'lmdb'
import { describe, expect, test } from 'vitest'
import { connectMongo } from '../../src/mongodb/index.ts'
import { openConnection } from '../../src/nats/index.ts'
import { mongodbServer } from '../support/mongodb-server.ts'
import { natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { seeded } from '../support/random.ts'
import { type Body, type Env, type Server, startServer } from '../support/server.ts'
import { dayOf, type WebEvent, webSessions } from '../support/web-session-oracle.ts'

const DAY = 86_400_000
const SETTINGS: Env = { ROLLCALL_PARTITIONS: '4', ROLLCALL_SHARDS: '2' }
const mongodb = mongodbServer()

/** Takes everything from a server that is down but its documents. */
type Lose = (server: Server) => Promise<void>

const loseEmbedded: Lose = async ({ data }) => {
  rmSync(join(data, 'log'), { recursive: true })
  const env = open({ path: join(data, 'state'), maxDbs: 8 })
  await env.openDB({ name: 'checkpoint', useVersions: true }).drop()
  await env.close()
}

const loseServers =
  (natsUrl: string, mongodbUrl: string): Lose =>
  async () => {
    const connection = await openConnection({ url: natsUrl }, 5_000)
    const manager = await jetstreamManager(connection.nats)
    for await (const { config } of manager.streams.list()) await manager.streams.delete(config.name)
    await connection.close()
    const mongo = await connectMongo(mongodbUrl)
    for (const name of ['checkpoint-manifests', 'checkpoint-blobs']) await mongo.db.collection(name).deleteMany({})
    await mongo.close()
  }

const visits = (count: number, from: number): WebEvent[] => {
  const random = seeded('adoption, from outside')
  return Array.from({ length: count }, (_, i) => ({
    ...{ id: `e${i}`, sessionId: `v${random.int(0, 9)}`, page: `/${random.int(0, 3)}` },
    ts: from + random.int(0, 2) * DAY + random.int(0, 50) * 600_000,
  }))
}

const shown = async (server: Server, events: WebEvent[]): Promise<Body[]> => {
  const days = new Map(events.map(({ sessionId, ts }) => [`visitor=${sessionId}&day=${dayOf(ts)}`, 0]))
  const all: Body[] = []
  for (const query of days.keys())
    all.push(...(await server.get(`/web-sessions?${query}`, { after: true })).body.webSessions)
  return all
    .map(({ id, eventCount, openedBy }) => ({ id, eventCount, openedBy }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}
const expected = (events: WebEvent[]) =>
  webSessions(events, 1_800_000)
    .map(({ id, eventCount, openedBy }) => ({ id, eventCount, openedBy }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))

async function goesOnAbove(env: Env, lose: Lose): Promise<void> {
  const events = visits(300, Date.now() - 20 * DAY)
  const server = await startServer({ ...SETTINGS, ...env })
  await server.post('/events', events.slice(0, 200))
  const started = await server.post('/sessions', { userId: 'sam', title: 'before' })
  expect(await shown(server, events)).toEqual(expected(events.slice(0, 200)))
  await server.stop()
  await lose(server)

  await server.start()
  expect((await server.get('/readyz')).status).toBe(200)
  const again = await server.post('/sessions', { userId: 'sam', title: 'after' })
  expect([started.status, again.status]).toEqual([201, 200])
  expect(again.body).toEqual(started.body)
  const { headers } = await server.post('/events', events.slice(150))
  expect(Number(headers.get('rollcall-position')!.split('-')[1]!.split(',')[0])).toBeGreaterThan(1_000_000)
  expect(await shown(server, events)).toEqual(expected(events))
  await server.kill()
  await server.start()
  await server.post('/events', events.slice(0, 50))
  expect(await shown(server, events)).toEqual(expected(events))
  await server.stop()
}

describe('a server that has lost its log and its checkpoints', () => {
  test('goes on above the documents there are', () => goesOnAbove({}, loseEmbedded))

  test('begins anew where there are no documents', async () => {
    const server = await startServer(SETTINGS)
    await server.stop()
    rmSync(server.data, { recursive: true })
    await server.start()
    const { headers } = await server.post('/events', visits(1, Date.now() - 20 * DAY))
    expect(headers.get('rollcall-position')).toMatch(/^\d-2$/)
    await server.stop()
  })

  test.skipIf(mongodb === null || natsServerBinary() === null)('goes on above the documents on a server', async () => {
    const nats = await startNatsServer()
    const env = {
      ROLLCALL_NATS_URL: nats.url,
      ROLLCALL_MONGODB_URL: mongodb!.freshUrl(),
      ROLLCALL_TAKE_OVER_MS: '1000',
    }
    await goesOnAbove(env, loseServers(env.ROLLCALL_NATS_URL, env.ROLLCALL_MONGODB_URL))
    await nats.stop()
  })
})

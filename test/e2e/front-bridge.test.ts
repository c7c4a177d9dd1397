import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { mongodbServer } from '../support/mongodb-server.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { type Body, type Env, ended, rollcall, type Server, startServer } from '../support/server.ts'

const mongodb = mongodbServer()
const PATIENCE = { timeout: 30_000, interval: 200 }

/** What is the same wherever it is asked for: what only the owner knows. */
const ofOwner = ({ viewers, sessions, partitions, effects, parked, webSessionsAMinute, readiness }: Body): Body => ({
  ...{ viewers, partitions, parked, webSessionsAMinute },
  ...{ sessions: sessions.shown, effects: { ...effects, oldestMs: null }, owner: readiness.owner },
})

describe.skipIf(mongodb === null || natsServerBinary() === null)('a bridge that owns nothing', () => {
  let nats: NatsServer
  let owner: Server
  let bridge: Server

  beforeAll(async () => {
    nats = await startNatsServer()
    const urls = { ROLLCALL_NATS_URL: nats.url, ROLLCALL_MONGODB_URL: mongodb!.freshUrl() }
    const env: Env = { ROLLCALL_FLUSH_MS: '100', ROLLCALL_TAKE_OVER_MS: '1500', ROLLCALL_PARTITIONS: '4', ...urls }
    owner = await startServer(env)
    bridge = await startServer(env)
    expect(bridge.output).toContain('standing by')
  })
  afterAll(async () => {
    for (const server of [owner, bridge]) await server?.kill().catch(() => {})
    await nats?.stop()
  })

  test('shows on its page, in /figures.json and in rollcall top what the owner shows', {
    timeout: 60_000,
  }, async () => {
    const { body: session } = await bridge.post('/sessions', { userId: 'sam', title: 'Hello' })
    await bridge.post(
      '/heartbeats',
      ['ann', 'bob', 'eve'].map(userId => ({ userId, path: `/live/${session.id}` })),
    )
    await bridge.post('/events', { id: '1', sessionId: 'v1', ts: Date.now(), page: '/' })
    await vi.waitFor(async () => {
      const [own, other] = await Promise.all([owner, bridge].map(async each => (await each.get('/figures.json')).body))
      expect(own).toMatchObject({ viewers: { alive: 3 }, sessions: { count: 1 }, webSessionsAMinute: 1, wrong: [] })
      expect(own.partitions.map(({ epoch }: Body) => epoch > 0)).toEqual([true, true, true, true])
      expect(own.readiness.owner.pid).toBe(owner.pid)
      expect(ofOwner(other)).toEqual(ofOwner(own))
      expect([other.readiness.ready, other.wrong]).toEqual([true, []])
    }, PATIENCE)
    const page = await (await fetch(`${await bridge.url}/`)).text()
    expect(/data-figure="viewers">([^<]*)</.exec(page)?.[1]).toBe('3')
    expect(page).toContain(`<span data-figure="owner">process ${owner.pid} on `)
    expect(page.match(/data-partition="\d">✓ goes on/g)).toHaveLength(4)
    const { stdout } = await ended(rollcall(['top', '--once', '--table', '--url', await bridge.url]))
    expect(stdout).toMatch(/^Viewers +3 +Live sessions +1$/m)
    expect(stdout).toContain(`Owned by process ${owner.pid} on `)
  })

  test('says that nobody owns the partitions, until it does', { timeout: 60_000 }, async () => {
    await owner.kill()
    const look = async (): Promise<Body> => (await bridge.get('/figures.json')).body
    await vi.waitFor(async () => {
      const { readiness, wrong, viewers } = await look()
      expect([readiness.ready, viewers]).toEqual([false, null])
      expect(wrong.map(({ code }: Body) => code)).toContain('RC_NO_OWNER')
    }, PATIENCE)
    await vi.waitFor(async () => {
      const { readiness, wrong, viewers } = await look()
      expect([readiness.ready, readiness.owner?.pid, wrong]).toEqual([true, bridge.pid, []])
      expect(viewers.alive).toBe(3)
    }, PATIENCE)
  })
})

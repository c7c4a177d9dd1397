import { jetstreamManager } from '@nats-io/jetstream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { mongodbServer } from '../support/mongodb-server.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { type Body, type Env, ended, inParallel, rollcall, type Server, startServer } from '../support/server.ts'

const mongodb = mongodbServer()
const NEVER_MS = '600000'

let nats: NatsServer
let env: Env
let first: Server
let second: Server

/** The answers of both, once they know what either has accepted. */
async function answers(path: string): Promise<Body[]> {
  const positions = [first.positions, second.positions].filter(positions => positions !== '').join(',')
  const headers: Env = positions === '' ? {} : { 'rollcall-after': positions }
  return Promise.all(
    [first, second].map(async server => {
      const { status, body } = await server.get(path, { headers })
      return { status, body }
    }),
  )
}

describe.skipIf(mongodb === null || natsServerBinary() === null)('two processes with one log and one database', () => {
  const start = async (more: Env = {}) => {
    env = { ROLLCALL_FLUSH_MS: '100', ROLLCALL_TAKE_OVER_MS: '1500', ...env, ...more }
    first = await startServer(env)
    second = await startServer(env)
    expect(second.output).toContain('standing by')
  }

  beforeEach(async () => {
    nats = await startNatsServer()
    env = { ROLLCALL_NATS_URL: nats.url, ROLLCALL_MONGODB_URL: mongodb!.freshUrl() }
  })
  afterEach(async () => {
    for (const server of [first, second]) await server.kill().catch(() => {})
    await nats.stop()
  })

  test('accept and answer alike, whichever of them owns the partitions', async () => {
    await start()
    const at = Date.now() - 10_000
    const { status, body: session } = await second.post('/sessions', { userId: 'sam', title: 'Hello' })
    expect(status).toBe(201)
    expect((await second.post('/sessions', { userId: 'sam' })).status).toBe(200)
    expect((await first.post('/sessions', { userId: 'sam' })).status).toBe(200)
    const beat = { userId: 'ann', path: `/live/${session.id}`, at }
    expect((await second.post('/heartbeats', beat)).status).toBe(202)
    const visits = ['/', '/a'].map((page, n) => ({ id: `e${n}`, sessionId: 'v', ts: at + n, page }))
    expect((await second.post('/events', visits)).status).toBe(202)
    expect(
      (await second.post(`/sessions/${session.id}/ratings`, { userId: 'ann', score: 4 })).body.rating.current,
    ).toBe(4)
    for (const path of [
      ...['/viewers', `/sessions/${session.id}/viewers?users=true`, `/sessions/${session.id}`, '/readyz', '/parked'],
      ...['/actors/viewer/ann', '/actors/streamer-session/sam', '/actors/visitor/nobody', '/effects?state=waiting'],
      ...['/users/ann/viewing-sessions', '/web-sessions?visitor=v', '/statistics', '/actors/nonsense/ann'],
    ]) {
      const [own, asked] = await answers(path)
      // Each looks at the owner once a second, and not at the same moment.
      for (const { body } of [own, asked]) if (path === '/readyz') body.owner.lag = 0
      expect(asked, path).toEqual(own)
    }
    const [viewers, actor, readiness] = await Promise.all(['/viewers', '/actors/viewer/ann', '/readyz'].map(answers))
    expect(viewers![1].body.bySession).toEqual({ [session.id]: { alive: 1, attendance: 1 } })
    expect(actor![1].body.snapshot.context.runs).toMatchObject([{ start: at, end: at }])
    expect([readiness![1].status, readiness![1].body.ready]).toEqual([200, true])
    const retries = ['/parked/viewer/ann/retry', '/effects/viewer%2Fann:1:0/drop'].map(path => second.post(path, {}))
    expect((await Promise.all(retries)).map(({ status }) => status)).toEqual([404, 404])
  })

  test('take each message of NATS once, and answer again when its server is back', async () => {
    await start()
    const client = await nats.connect()
    const replies: Body[] = []
    client.subscribe('_INBOX.answers', { callback: (_error, message) => void replies.push(message.json()) })
    for (let n = 0; n < 100; n++) {
      client.publish(`heartbeats.u${n}`, JSON.stringify({ userId: `u${n}`, path: '/' }), { reply: '_INBOX.answers' })
    }
    await vi.waitFor(() => expect(replies.length).toBeGreaterThanOrEqual(100), { timeout: 30_000 })
    await client.close()
    const headers = { 'rollcall-after': replies.map(({ position }) => position).join(',') }
    for (const server of [first, second]) {
      expect((await server.get('/viewers', { headers })).body).toMatchObject({ attendance: 100 })
    }
    expect(replies).toHaveLength(100)
    await nats.restart()
    await second.deliver('/heartbeats', { userId: 'ann', path: '/' })
    expect((await answers('/viewers')).map(({ body }) => body.attendance)).toEqual([101, 101])
  })

  test('hand the partitions over when their owner ends, while requests wait', async () => {
    await start()
    const started = async (n: number) => (await second.post('/sessions', { userId: `s${n}` })).status
    const before = await Promise.all([1, 2, 3].map(started))
    const stopped = first.stop()
    const meanwhile = await Promise.all([4, 5, 6, 7, 8, 9].map(started))
    await stopped
    expect([...before, ...meanwhile]).toEqual(Array(9).fill(201))
    await first.start()
    await second.stop()
    expect((await first.post('/sessions', { userId: 's1' })).status).toBe(200)
  })

  test('count more streams than one message of NATS has room for', async () => {
    await start()
    const at = Date.now() - 10_000
    const beats = Array.from({ length: 10_000 }, (_, n) => ({
      userId: `u${n}`,
      path: `/live/stream-${n}${'x'.repeat(200)}`,
      at,
    }))
    const batches = Array.from({ length: 10 }, (_, n) => beats.slice(n * 1_000, (n + 1) * 1_000))
    await inParallel(4, batches, async batch => expect((await second.post('/heartbeats', batch)).status).toBe(202))
    const [own, asked] = await answers('/viewers')
    expect(asked.body.withoutSession).toEqual({ alive: 10_000, attendance: 10_000, streams: 10_000 })
    expect(asked).toEqual(own)
  })

  test('lose nothing when the owner is killed under load; the other accepts throughout and takes over', {
    timeout: 120_000,
  }, async () => {
    await start()
    const at = Date.now() - 10_000
    const batches = Array.from({ length: 400 }, (_, n) =>
      Array.from({ length: 5 }, (_, i) => ({ userId: `u${n}-${i}`, path: '/', at })),
    )
    const half = batches.length / 2
    const statuses = new Set<number>()
    const post = async (beats: object[]) => void statuses.add((await second.post('/heartbeats', beats)).status)
    await inParallel(4, batches.slice(0, half), post)
    const killed = first.kill()
    await inParallel(4, batches.slice(half), post)
    const read = second.get('/viewers', { after: true })
    await killed
    expect(statuses).toEqual(new Set([202]))
    expect((await read).body).toMatchObject({ attendance: 2_000 })
    expect(second.output).toContain('owns the partitions')
    await first.start()
    expect((await second.post('/sessions', { userId: 'sam' })).status).toBe(201)
    expect((await answers('/viewers')).map(({ body }) => body.attendance)).toEqual([2_000, 2_000])
    expect((await first.get('/readyz')).body).toMatchObject({ ready: true, partitions: 16, stopped: [] })
  })

  test('without an owner answer what needs none', async () => {
    await start({ ROLLCALL_TAKE_OVER_MS: NEVER_MS })
    await second.post('/sessions', { userId: 'sam' })
    await first.kill()
    const status = async (path: string) => (await second.get(path)).status
    expect((await second.post('/heartbeats', { userId: 'ann', path: '/' })).status).toBe(202)
    expect(await Promise.all(['/livez', '/sessions', '/statistics', '/users/x'].map(status))).toEqual([
      200, 200, 200, 404,
    ])
    for (const path of ['/viewers', '/parked', '/actors/viewer/ann', '/effects', '/sessions/x/viewers']) {
      const { status, body } = await second.get(path)
      expect([path, status, body.code]).toEqual([path, 503, 'RC_NO_OWNER'])
    }
    const told = await vi.waitUntil(async () => {
      const { status, body } = await second.get('/readyz')
      return status === 503 && body
    }, 10_000)
    expect([told.ready, told.stopped.length]).toEqual([false, 16])
    expect(told.stopped[7]).toMatchObject({ partition: 7, stopped: { code: 'RC_NO_OWNER' } })
  })

  test('take nothing for a partition whose log was lost, whether there is an owner or not', async () => {
    await start()
    await second.post('/heartbeats', { userId: 'ann', path: '/' })
    await answers('/viewers')
    await second.stop()
    await first.stop()
    const client = await nats.connect()
    const manager = await jetstreamManager(client)
    for (let p = 0; p < 16; p++) await manager.streams.delete(`ROLLCALL_${p}`)
    await client.close()
    const refusal = async (server: Server) => (await server.post('/heartbeats', { userId: 'ann', path: '/' })).body.code
    await first.start()
    await second.start()
    expect([await refusal(first), await refusal(second)]).toEqual(['RC_LOG_BEHIND', 'RC_LOG_BEHIND'])
    await first.kill()
    expect(await refusal(second)).toBe('RC_LOG_BEHIND')
    await second.kill()
    await second.start()
    expect(await refusal(second)).toBe('RC_LOG_BEHIND')
  })
})

describe.skipIf(mongodb === null)('processes with one database and logs of their own', () => {
  test('are refused beside one that owns the partitions, but follow one that was killed', async () => {
    const env = { ROLLCALL_MONGODB_URL: mongodb!.freshUrl(), ROLLCALL_TAKE_OVER_MS: '2000', ROLLCALL_PORT: '0' }
    const server = await startServer(env)
    await server.post('/heartbeats', { userId: 'ann', path: '/' })
    const { code, stderr } = await ended(rollcall(['serve'], { ...env, ROLLCALL_DATA: `${server.data}-other` }))
    expect([code, stderr]).toEqual([1, expect.stringContaining('RC_OWNED')])
    await server.restart()
    expect((await server.get('/viewers', { after: true })).body).toMatchObject({ attendance: 1 })
    await server.stop()
  })
})

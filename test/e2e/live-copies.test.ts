import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createActor } from 'xstate'
import { streamerSession, visitor } from '../../machines/index.ts'
import { FreshDatabase, mongodbServer } from '../support/mongodb-server.ts'
import { key } from '../support/redis-live-sets.ts'
import { RedisServer, redisServerBinary } from '../support/redis-server.ts'
import { type Server, startServer } from '../support/server.ts'

const binary = redisServerBinary()
const mongodb = mongodbServer()

let redis: RedisServer
let server: Server

const soon = (work: () => Promise<void>): Promise<void> => vi.waitFor(work, { timeout: 30_000, interval: 100 })
const beat = (users: string[], path: string) => users.map(userId => ({ userId, path }))

/** Redis names as many as the API counts, in all and on each stream. */
const expectAttendance = (all: number, streams: Record<string, number>): Promise<void> =>
  soon(async () => {
    const counted = (await server.get('/viewers', { after: true })).body
    expect([await redis.raw.scard(key('attendance')), counted.attendance]).toEqual([all, all])
    expect(await redis.raw.exists(key('generation'))).toBe(1)
    for (const [stream, count] of Object.entries(streams)) {
      const { attendance } = (await server.get(`/sessions/${stream}/viewers`)).body
      expect([stream, await redis.raw.scard(key(`attendance:${stream}`)), attendance]).toEqual([stream, count, count])
    }
  })

describe.skipIf(binary === null)('what Redis holds', () => {
  beforeEach(async () => {
    redis = await RedisServer.start(binary!)
    server = await startServer({ ROLLCALL_FLUSH_MS: '50', ROLLCALL_REDIS_URL: redis.url, ROLLCALL_PARTITIONS: '4' })
  })
  afterEach(async () => {
    await server.kill().catch(() => {})
    await redis.stop()
  })

  test('names all who were ever there, whatever it lost and whoever was killed', { timeout: 120_000 }, async () => {
    await server.post('/heartbeats', [...beat(['ann', 'ben'], '/live/s1'), ...beat(['cleo'], '/')])
    await server.post('/heartbeats', beat(['ann'], '/live/s2'))
    await expectAttendance(3, { s1: 2, s2: 1 })
    expect(await redis.raw.pttl(key('attendance'))).toBe(-1)

    await redis.flush()
    await expectAttendance(3, { s1: 2, s2: 1 })
    await redis.raw.del(key('attendance'))
    await expectAttendance(3, { s1: 2, s2: 1 })
    await redis.raw.del(key('attendance:s1'))
    await server.post('/heartbeats', beat(['dora'], '/live/s1'))
    await expectAttendance(4, { s1: 3, s2: 1 })

    await redis.kill()
    await server.post('/heartbeats', beat(['eve'], '/live/s2'))
    await server.get('/viewers', { after: true })
    await server.kill()
    await redis.up()
    await server.restart()
    await expectAttendance(5, { s1: 3, s2: 2 })

    await server.stop()
    await server.restart()
    await server.post('/heartbeats', beat(['fay'], '/'))
    await expectAttendance(6, { s1: 3, s2: 2 })
  })

  test('says of each viewing session, at each commit, when it began and what its newest beat is', async () => {
    const at = Date.now() - 60_000
    for (const ms of [0, 10_000, 20_000, 59_000]) {
      await server.post('/heartbeats', { userId: 'ann', path: '/', at: at + ms })
      await soon(async () => {
        const run = { start: `${at}`, end: `${at + ms}` }
        expect(await redis.raw.hgetall(key('viewing:ann'))).toEqual(run)
      })
    }
  })

  test('has snapshots of actors, for a day, as the list says, which XState goes on with', async () => {
    const { body } = await server.post('/sessions', { userId: 'a/b', title: '$set' })
    await server.post('/events', { sessionId: 'v:1', ts: Date.now(), page: '/' })
    await server.post('/heartbeats', beat(['ann'], '/'))
    const { actors } = (await server.get('/actors', { after: true })).body
    await soon(async () => {
      const names = (await redis.raw.keys(key('actor:*'))).sort()
      expect(names).toEqual([key('actor:streamer-session:a/b'), key('actor:visitor:v:1')])
    })
    const texts = await Promise.all(
      ['streamer-session:a/b', 'visitor:v:1'].map(id => redis.raw.get(key(`actor:${id}`))),
    )
    const [streamer, visiting] = texts.map(text => JSON.parse(text!))
    const listed = ({ value, partition, seq }: typeof streamer) => ({ value, partition, seq })
    expect([listed(streamer), listed(visiting)]).toEqual(actors.map(listed))
    expect(new Date(streamer.at).getTime()).toBeGreaterThan(Date.now() - 60_000)
    expect(createActor(visitor, { snapshot: visiting }).start().getSnapshot().value).toBe('active')
    const actor = createActor(streamerSession, { snapshot: streamer }).start()
    actor.send({ type: 'session.preset', id: 'x', at: Date.now(), sessionId: body.id, preset: 'sd', price: 0 })
    expect(actor.getSnapshot().value).toBe('live')
    const ttl = await redis.raw.pttl(key('actor:visitor:v:1'))
    expect(ttl).toBeGreaterThan(86_000_000)
    expect(ttl).toBeLessThanOrEqual(86_400_000)
  })

  test('shows what an actor became while it was away', { timeout: 60_000 }, async () => {
    const { body } = await server.post('/sessions', { userId: 'sam' })
    const state = async () => JSON.parse((await redis.raw.get(key('actor:streamer-session:sam'))) ?? '{}').value
    await soon(async () => expect(await state()).toBe('preview'))
    redis.freeze()
    await server.post(`/sessions/${body.id}/end`, {})
    await vi.waitFor(() => expect(server.output).toContain('redis is away'), { timeout: 10_000 })
    redis.thaw()
    await soon(async () => expect(await state()).toBe('ended'))
  })
})

test.skipIf(mongodb === null)('MongoDB holds snapshots of actors that XState goes on with', async () => {
  const database = new FreshDatabase(mongodb!)
  const db = await database.connect()
  const own = await startServer({ ROLLCALL_FLUSH_MS: '50', ROLLCALL_MONGODB_URL: database.url })
  const { body } = await own.post('/sessions', { userId: 'a.b', title: '$set' })
  await own.post('/events', { sessionId: '$v', ts: Date.now(), page: '/' })
  await own.get('/actors', { after: true })
  const actors = db.collection<{ _id: string }>('actors')
  const snapshot = (await actors.findOne({ _id: 'streamer-session/a.b' })) as never
  expect(snapshot).toMatchObject({
    value: 'preview',
    status: 'active',
    at: expect.any(Date),
    partition: expect.any(Number),
  })
  const actor = createActor(streamerSession, { snapshot }).start()
  actor.send({ type: 'session.end', id: 'x', at: Date.now(), sessionId: body.id })
  expect(actor.getSnapshot().value).toBe('ended')
  const visiting = (await actors.findOne({ _id: 'visitor/$v' })) as never
  expect(createActor(visitor, { snapshot: visiting }).start().getSnapshot().value).toBe('active')
  await own.stop()
  await database.drop()
})

test.skipIf(mongodb === null)('MongoDB knows the end of a viewing session as late as it may', async () => {
  const database = new FreshDatabase(mongodb!)
  const db = await database.connect()
  const late = { ROLLCALL_FLUSH_MS: '50', ROLLCALL_VIEWING_WRITE_MS: '1000' }
  const own = await startServer({ ...late, ROLLCALL_MONGODB_URL: database.url })
  const at = Date.now()
  await own.post('/heartbeats', { userId: 'ann', path: '/', at })
  await own.post('/heartbeats', { userId: 'ann', path: '/', at: at + 500 })
  const end = async () =>
    (await db.collection<{ _id: string; end?: number }>('viewing-sessions').findOne({ _id: `ann-${at}` }))?.end
  await soon(async () => expect(await end()).toBe(at + 500))
  await own.stop()
  await database.drop()
})

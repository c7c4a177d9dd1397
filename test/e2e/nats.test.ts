import { readFileSync } from 'node:fs'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { type Body, type Server, startServer } from '../support/server.ts'

describe.skipIf(natsServerBinary() === null)('over NATS', () => {
  let nats: NatsServer
  let client: NatsConnection
  let server: Server

  beforeAll(async () => {
    nats = await startNatsServer()
    client = await nats.connect()
    server = await startServer({ ROLLCALL_NATS_URL: nats.url })
  })
  afterAll(async () => {
    await client.close()
    await server.stop()
    await nats.stop()
  })

  const ask = async (subject: string, payload: unknown): Promise<Body> => {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
    return (await client.request(subject, text, { timeout: 10_000 })).json()
  }
  const readAfter = async (position: string, path: string): Promise<Body> =>
    (await server.get(path, { headers: { 'rollcall-after': position } })).body

  test('a heartbeat is accepted with its position, and can be read from there', async () => {
    const { accepted, position } = await ask('heartbeats.ann', { userId: 'ann', path: '/live/s1' })
    expect([accepted, position]).toEqual([1, expect.stringMatching(/^\d+-\d+$/)])
    expect(await readAfter(position, '/sessions/s1/viewers')).toEqual({ alive: 1, attendance: 1 })
  })

  test('of several records those that do not fit are skipped, and named with their faults', async () => {
    const at = Date.now()
    const beats = [{ userId: 'a', path: '/' }, { path: '/' }, { userId: 'b', path: '/', at: at + 999_999 }]
    const { accepted, faults } = await ask('heartbeats.a', beats)
    expect(accepted).toBe(1)
    expect(faults.map(({ index, path, code }: Body) => [index, path, code])).toEqual([
      [1, 'userId', 'invalid_type'],
      [2, 'at', 'in_future'],
    ])
  })

  test('a web event becomes a web session', async () => {
    const event = { id: 'e1', sessionId: 'visitor/1', ts: Date.now(), page: '/', partyId: 'acme' }
    const { position } = await ask('events.~dmlzaXRvci8x', event)
    const { webSessions } = await readAfter(position, '/web-sessions?visitor=visitor%2F1')
    expect(webSessions).toMatchObject([{ visitorId: 'visitor/1', pageViews: 1, partyId: 'acme' }])
  })

  test('a session lives from its request to its end', async () => {
    const { status, session } = await ask('sessions.request.sam', { userId: 'sam', title: 'Hello' })
    expect([status, session.title]).toEqual([201, 'Hello'])
    expect((await ask('sessions.request.sam', { userId: 'sam' })).status).toBe(200)
    const sessionId = session.id
    const change = async (verb: string, more: object = {}) =>
      (await ask(`sessions.${verb}.sam`, { sessionId, ...more })).session
    expect((await change('preset', { preset: 'sd' })).status).toEqual({ preset: 'sd' })
    expect((await change('ratings', { userId: 'ann', score: 4 })).rating.current).toBe(4)
    expect((await change('goals', { showGoalPairs: [{ title: 'song', price: 1 }] })).showGoalPairs).toHaveLength(1)
    expect((await change('end')).active).toBe(false)
  })

  test.each([
    ['heartbeats.x', 'no JSON', 'RC_INVALID_JSON'],
    ['sessions.request.x', {}, 'RC_INVALID_INPUT'],
    ['sessions.end.x', { sessionId: 'nowhere' }, 'RC_SESSION_NOT_FOUND'],
    ['sessions.end.x', 'null', 'RC_INVALID_INPUT'],
    ['sessions.nonsense.x', { sessionId: 'x' }, 'RC_NOT_FOUND'],
    ['sessions.constructor.x', { sessionId: 'x' }, 'RC_NOT_FOUND'],
    ['sessions.toString.x', { sessionId: 'x' }, 'RC_NOT_FOUND'],
  ])('%s with %j is answered with its error', async (subject, payload, code) => {
    expect((await ask(subject, payload)).code).toBe(code)
  })

  test('what asks for an answer outside of an inbox is not taken, and not answered', async () => {
    const elsewhere = ['rollcall.log.0', '$JS.API.STREAM.PURGE.ROLLCALL_0', 'heartbeats.a', 'else']
    const heard: string[] = []
    client.subscribe('else', { callback: (_error, message) => void heard.push(message.string()) })
    const before = await server.get('/viewers')
    for (const reply of elsewhere) {
      client.publish('heartbeats.mallory', JSON.stringify({ userId: 'mallory', path: '/' }), { reply })
    }
    await client.flush()
    const { position } = await ask('heartbeats.zed', { userId: 'zed', path: '/' })
    const { attendance } = await readAfter(position, '/viewers')
    expect([attendance - before.body.attendance, heard]).toEqual([1, []])
    expect((await server.get('/readyz')).status).toBe(200)
  })

  test('what happens is told to other services, as CloudEvents', async () => {
    const heard: { subject: string; id: string; type: string; data: Body }[] = []
    client.subscribe('rollcall.session.*', {
      callback: (_error, message) => {
        const [id, type] = ['ce-id', 'ce-type'].map(name => message.headers!.get(name)) as [string, string]
        expect(message.headers!.get('Nats-Msg-Id')).toBe(id)
        heard.push({ subject: message.subject, id, type, data: message.json() })
      },
    })
    await client.flush()
    const { session } = await ask('sessions.request.tom', { userId: 'tom' })
    await ask('sessions.end.tom', { sessionId: session.id })
    await vi.waitFor(() => expect(heard).toHaveLength(2), { timeout: 10_000 })
    const types = ['rollcall.session.started', 'rollcall.session.ended']
    expect(heard.map(({ type }) => type)).toEqual(types)
    expect(heard.map(({ subject }) => subject)).toEqual(types)
    expect(heard[0]).toMatchObject({
      id: expect.stringMatching(/^streamer-session\/tom:\d+:0$/),
      data: { sessionId: session.id, streamerId: 'tom' },
    })
    const { effects } = (await server.get('/effects?actor=streamer-session/tom&state=sent')).body
    expect(effects.map(({ id }: Body) => id)).toContain(heard[0]!.id)
  })

  test('the statistics of five minutes that are over are told, by whoever owns the partitions next at the latest', async () => {
    const told: Body[] = []
    client.subscribe('rollcall.statistics', { callback: (_error, message) => void told.push(message.json()) })
    await client.flush()
    const at = Date.now() - 600_000
    const { position } = await ask(
      'heartbeats._',
      ['u1', 'u2'].map(userId => ({ userId, path: '/', country: 'FR', at })),
    )
    await readAfter(position, '/viewers')
    await server.stop()
    await server.start()
    const { records } = (await server.get('/statistics')).body
    const over = records.find(({ timestamp }: Body) => timestamp <= at && at < timestamp + 300_000)
    expect(over.countByViewingCountry).toEqual({ FR: 2 })
    await vi.waitFor(() => expect(told).toContainEqual(over), { timeout: 10_000 })
  })

  test('what was accepted outlives kill -9 of Rollcall and of the server of NATS', async () => {
    const { position } = await ask('heartbeats.last', { userId: 'last', path: '/live/s9' })
    await server.kill()
    await nats.kill()
    await nats.restart()
    await server.start()
    expect(await readAfter(position, '/sessions/s9/viewers')).toMatchObject({ attendance: 1 })
  })
})

const SECRET = 'a secret of thirty-two characters'

describe.skipIf(natsServerBinary() === null)('over NATS, where callers have tokens', () => {
  test('the last part of a subject is the id its payload must have, or of services', async () => {
    const nats = await startNatsServer()
    const server = await startServer({ ROLLCALL_NATS_URL: nats.url, ROLLCALL_AUTH_SECRET: SECRET })
    const client = await nats.connect()
    const beat = async (subject: string) => {
      const reply = await client.request(subject, JSON.stringify({ userId: 'a/b', path: '/' }), { timeout: 10_000 })
      const { accepted, code } = reply.json() as Body
      return accepted ?? code
    }
    const own = `heartbeats.~${Buffer.from('a/b').toString('base64url')}`
    expect([await beat(own), await beat('heartbeats._'), await beat('heartbeats.ben')]).toEqual([
      1,
      1,
      'RC_NOT_ALLOWED',
    ])
    // The user of this name is no service.
    expect(await beat(`heartbeats.~${Buffer.from('_').toString('base64url')}`)).toBe('RC_NOT_ALLOWED')
    const start = await client.request('sessions.request.ben', JSON.stringify({ userId: 'a' }), { timeout: 10_000 })
    expect((start.json() as Body).code).toBe('RC_NOT_ALLOWED')

    const visit = async (subject: string, userId: string) => {
      const event = { sessionId: 'ann', ts: Date.now(), page: '/', userId }
      const { accepted, code } = (
        await client.request(subject, JSON.stringify(event), { timeout: 10_000 })
      ).json() as Body
      return accepted ?? code
    }
    expect([
      await visit('events.ann', 'ann'),
      await visit('events.ann', 'ben'),
      await visit('events._', 'ben'),
    ]).toEqual([1, 'RC_NOT_ALLOWED', 1])

    const at = Date.now()
    const said = async (subject: string, userId: string) =>
      client.request(subject, JSON.stringify({ userId, path: '/', at, country: 'FR', groups: ['vip'] }))
    await said('heartbeats.zoe', 'zoe')
    await said('heartbeats._', 'yan')
    const token = await new SignJWT({ scope: 'service' })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(SECRET))
    await vi.waitFor(async () => {
      const { records } = (await server.get('/statistics', { headers: { authorization: `Bearer ${token}` } })).body
      expect(records.at(-1)).toMatchObject({ countByUserGroup: { vip: 1 }, countByViewingCountry: { FR: 1 } })
    }, 10_000)
    await client.close()
    await server.stop()
    await nats.stop()
  })
})

describe.skipIf(natsServerBinary() === null)('with the users of docs/nats.md', () => {
  const text = readFileSync(new URL('../../docs/nats.md', import.meta.url), 'utf8')
  const config = /```conf\n([^`]+)```/.exec(text)![1]!.replaceAll(/\$\w+_NATS_PASSWORD/g, 'secret')

  test('a user speaks for itself alone, the platform for everybody, and neither writes into the log', async () => {
    const nats = await startNatsServer({ config, credentials: 'rollcall:secret' })
    const server = await startServer({ ROLLCALL_NATS_URL: nats.url, ROLLCALL_AUTH_SECRET: SECRET })
    const as = (user: string) =>
      connect({
        servers: new URL(nats.url).host,
        user,
        pass: 'secret',
        inboxPrefix: user === 'ann' ? '_INBOX_ann' : '_INBOX',
      })
    const [ann, platform] = [await as('ann'), await as('platform')]
    const outcome = async (by: NatsConnection, subject: string, userId: string): Promise<string> => {
      const request = by.request(subject, JSON.stringify({ userId, path: '/' }), { timeout: 2_000 })
      return request.then(
        reply => String((reply.json() as Body).accepted ?? (reply.json() as Body).code),
        error => (error.cause ?? error).name,
      )
    }
    expect(await outcome(ann, 'heartbeats.ann', 'ann')).toBe('1')
    expect(await outcome(ann, 'heartbeats.ann', 'ben')).toBe('RC_NOT_ALLOWED')
    expect(await outcome(platform, 'heartbeats._', 'ben')).toBe('1')
    for (const subject of ['heartbeats._', 'heartbeats.ben', 'rollcall.log.0', 'rollcall.owner.parked']) {
      expect(await outcome(ann, subject, 'ben')).toBe('PermissionViolationError')
    }
    for (const subject of ['rollcall.log.0', 'rollcall.owner.parked', '$JS.API.STREAM.PURGE.ROLLCALL_0']) {
      expect(await outcome(platform, subject, 'ben')).toBe('PermissionViolationError')
    }
    const heard: string[] = []
    platform.subscribe('rollcall.session.*', { callback: (_error, message) => void heard.push(message.subject) })
    await platform.flush()
    await platform.request('sessions.request._', JSON.stringify({ userId: 'sam' }), { timeout: 10_000 })
    await vi.waitFor(() => expect(heard).toEqual(['rollcall.session.started']), 10_000)
    await Promise.all([ann.close(), platform.close()])
    await server.stop()
    await nats.stop()
  })
})

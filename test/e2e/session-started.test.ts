import { readFileSync } from 'node:fs'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { type Body, type Server, startServer } from '../support/server.ts'

const SECRET = 'a secret of thirty-two characters'

const tokenOf = (claims: object): Promise<string> =>
  new SignJWT({ exp: Math.floor(Date.now() / 1_000) + 600, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(SECRET))

describe('a session that is asked for over HTTP', () => {
  let server: Server
  beforeAll(async () => {
    server = await startServer({ ROLLCALL_AUTH_SECRET: SECRET })
  })

  const start = async (claims: object, body?: object): Promise<[number, string]> => {
    const headers = { authorization: `Bearer ${await tokenOf(claims)}`, 'content-type': 'application/json' }
    const reply = await server.request('POST', '/sessions', body && JSON.stringify(body), headers)
    return [reply.status, reply.body.code ?? reply.body.userId]
  }

  test("is the token's own where no user is named", async () => {
    expect(await start({ sub: 'ann' }, { title: 'Hello' })).toEqual([201, 'ann'])
    expect(await start({ sub: 'ann' }, { userId: null })).toEqual([200, 'ann'])
    expect(await start({ sub: 'ann' })).toEqual([200, 'ann'])
    expect(await start({ sub: 'desk', scope: 'service' }, {})).toEqual([201, 'desk'])
  })

  test('is nobody else’s, and never a guest’s or nobody’s', async () => {
    expect(await start({ sub: 'ann' }, { userId: 'ben' })).toEqual([403, 'RC_NOT_ALLOWED'])
    expect(await start({ sub: 'ann' }, { streamerId: 'ben' })).toEqual([403, 'RC_NOT_ALLOWED'])
    expect(await start({ sub: 'g/1', scope: 'guest' })).toEqual([403, 'RC_NOT_ALLOWED'])
    expect(await start({ scope: 'service' }, { title: 'x' })).toEqual([400, 'RC_INVALID_INPUT'])
  })
})

describe.skipIf(natsServerBinary() === null)('session.started over NATS', () => {
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

  const ask = async (subject: string, payload: unknown): Promise<Body> =>
    (await client.request(subject, JSON.stringify(payload), { timeout: 10_000 })).json()
  const liveOf = async (userId: string): Promise<Body[]> =>
    (await server.get('/sessions?active=true')).body.sessions.filter((session: Body) => session.userId === userId)

  test('starts a session and is answered like a request for one', async () => {
    const { status, session } = await ask('session.started', { userId: 'ann', title: 'Hello', device: 'lovense' })
    expect([status, session.userId, session.title, session.tags]).toEqual([201, 'ann', 'Hello', ['device:lovense']])
    expect(await ask('session.started.ann', { userId: 'ann' })).toEqual({ status: 200, session })
    expect(await ask('sessions.request.ann', { userId: 'ann' })).toEqual({ status: 200, session })
  })

  test('names the streamer as other services do, and gives the session its id', async () => {
    const given = { streamerId: 'sam', sessionId: 'show 7', startedAt: 1, extra: {} }
    const { status, session } = await ask('session.started', given)
    expect([status, session.id, session.userId]).toEqual([201, 'show 7', 'sam'])
    // An id that has another streamer, or has ended, is not given away again.
    expect((await ask('session.started', { streamerId: 'tom', sessionId: 'show 7' })).session.id).not.toBe('show 7')
    await ask('sessions.end.sam', { sessionId: 'show 7' })
    expect((await ask('session.started', given)).session.id).not.toBe('show 7')
  })

  test('starts a session where nobody waits for an answer, once however often it is said', async () => {
    for (let n = 0; n < 5; n++) client.publish('session.started', JSON.stringify({ streamerId: 'eve' }))
    client.publish('session.started.eve', JSON.stringify({ streamerId: 'eve', sessionId: 'late' }))
    await vi.waitFor(async () => expect(await liveOf('eve')).toHaveLength(1), 10_000)
  })

  test.each([
    [{}, 'RC_INVALID_INPUT'],
    [{ streamerId: 7 }, 'RC_INVALID_INPUT'],
    [{ streamerId: 'x'.repeat(300) }, 'RC_INVALID_INPUT'],
    [{ streamerId: 'fay', sessionId: 'a\nb' }, 'RC_INVALID_INPUT'],
    [[{ streamerId: 'fay' }], 'RC_INVALID_INPUT'],
  ])('as %j is refused', async (payload, code) => {
    expect((await ask('session.started', payload)).code).toBe(code)
  })

  test('that is faulty and waits for no answer is counted, and told once for all of them', async () => {
    const own = await startServer({ ROLLCALL_NATS_URL: nats.url })
    for (let n = 0; n < 500; n++) client.publish('session.started', '{"streamerId":')
    await client.flush()
    await vi.waitFor(() => {
      const lines = `${server.output}\n${own.output}`.split('\n').filter(line => line.includes('RC_INVALID_JSON'))
      const told = lines.map(line => JSON.parse(line).count as number)
      expect([told.reduce((sum, count) => sum + count, 0), told.length < 10]).toEqual([500, true])
    }, 25_000)
    await own.stop()
  })
})

describe.skipIf(natsServerBinary() === null)('session.started with the users of docs/nats.md', () => {
  const text = readFileSync(new URL('../../docs/nats.md', import.meta.url), 'utf8')
  const config = /```conf\n([^`]+)```/.exec(text)![1]!.replaceAll(/\$\w+_NATS_PASSWORD/g, 'secret')

  test('is of services, or of a user by its own subject, who may not choose the id', async () => {
    const nats = await startNatsServer({ config, credentials: 'rollcall:secret' })
    const server = await startServer({ ROLLCALL_NATS_URL: nats.url, ROLLCALL_AUTH_SECRET: SECRET })
    const as = (user: string, inboxPrefix: string) =>
      connect({ servers: new URL(nats.url).host, user, pass: 'secret', inboxPrefix })
    const [ann, platform] = [await as('ann', '_INBOX_ann'), await as('platform', '_INBOX')]
    const outcome = (by: NatsConnection, subject: string, payload: object): Promise<unknown> =>
      by.request(subject, JSON.stringify(payload), { timeout: 10_000 }).then(
        reply => {
          const { status, code, session } = reply.json() as Body
          return code ?? [status, session.userId, session.id]
        },
        error => (error.cause ?? error).name,
      )
    expect(await outcome(platform, 'session.started', { streamerId: 'sam', sessionId: 's1' })).toEqual([
      201,
      'sam',
      's1',
    ])
    expect(await outcome(platform, 'session.started._', { userId: 'tom', sessionId: 's2' })).toEqual([201, 'tom', 's2'])
    const fresh = expect.stringMatching(/^[0-9a-f]{24}$/)
    expect(await outcome(ann, 'session.started.ann', { sessionId: 's3' })).toEqual([201, 'ann', fresh])
    expect(await outcome(ann, 'session.started.ann', { streamerId: 'sam' })).toBe('RC_NOT_ALLOWED')
    for (const subject of ['session.started', 'session.started._', 'session.started.sam'])
      expect(await outcome(ann, subject, { userId: 'sam' })).toBe('PermissionViolationError')
    await Promise.all([ann.close(), platform.close()])
    await server.stop()
    await nats.stop()
  })
})

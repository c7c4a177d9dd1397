import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Body, type Server, startServer } from '../support/server.ts'

const SECRET = 'a secret of thirty-two characters'
const PUSHER = { PUSHER_APP_ID: '1', PUSHER_KEY: 'key-1', PUSHER_SECRET: 'secret-1', PUSHER_HOST: '127.0.0.1' }

let server: Server
let session: Body

const tokenOf = (claims: JWTPayload & { scope?: string }, secret = SECRET): Promise<string> =>
  new SignJWT({ exp: Math.floor(Date.now() / 1_000) + 600, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
    .sign(new TextEncoder().encode(secret))

interface Ask {
  method?: string
  path: string
  body?: unknown
  token?: string
}

async function ask({ method = 'GET', path, body, token }: Ask): Promise<{ status: number; body: Body }> {
  const headers = {
    ...(token && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  }
  return server.request(method, path, body === undefined ? undefined : JSON.stringify(body), headers)
}

/** Status, and code where there is one, of a request with a token of this user. */
async function as(sub: string | null, request: Omit<Ask, 'token'>, scope?: string): Promise<[number, string?]> {
  const token = await tokenOf({ ...(sub !== null && { sub }), ...(scope && { scope }) })
  const { status, body } = await ask({ ...request, token })
  return status >= 400 ? [status, body.code] : [status]
}

beforeAll(async () => {
  server = await startServer({ ROLLCALL_AUTH_SECRET: SECRET, ...PUSHER })
  const token = await tokenOf({ sub: 'sam' })
  session = (await ask({ method: 'POST', path: '/sessions', body: { userId: 'sam' }, token })).body
})

const REFUSED = [403, 'RC_NOT_ALLOWED']
const post = (path: string, body: unknown = {}) => ({ method: 'POST', path, body })
const put = (path: string, body: unknown = {}) => ({ method: 'PUT', path, body })
const beat = (userId: string) => post('/heartbeats', { userId, path: '/' })
const preset = () => post(`/sessions/${session.id}/preset`, { preset: 'sd' })
const rating = (userId: string) => post(`/sessions/${session.id}/ratings`, { userId, score: 5 })
const phone = { kind: 'fid', value: 'phone' }

describe('without a valid token', () => {
  test.each([
    ['no token', async () => undefined],
    ['a token signed by another', () => tokenOf({ sub: 'sam' }, 'another secret of thirty-two chars')],
    ['a token that has expired', () => tokenOf({ sub: 'sam', exp: 1 })],
    ['a token of nobody', () => tokenOf({})],
    ['an unsigned token', async () => 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJzYW0ifQ.'],
    ['what is no token', async () => 'x'],
  ])('(%s) nothing is answered but whether it lives', async (_, token) => {
    const given = await token()
    const replies = await Promise.all(
      ['/viewers', '/parked', '/nowhere'].map(path => ask({ path, ...(given && { token: given }) })),
    )
    expect(replies.map(({ status, body }) => [status, body.code])).toEqual(Array(3).fill([401, 'RC_UNAUTHENTICATED']))
    expect((await ask({ path: '/livez' })).status).toBe(200)
    expect((await ask({ path: '/readyz' })).status).toBe(200)
  })
})

describe("a user's token", () => {
  test('beats for its user, not for another', async () => {
    expect(await as('ann', beat('ann'))).toEqual([202])
    expect(await as('ann', beat('ben'))).toEqual(REFUSED)
    expect(await as('ann', post('/heartbeats', [beat('ann').body, beat('ben').body]))).toEqual(REFUSED)
  })

  test('does not say itself from which country or in which groups its user is', async () => {
    await as(null, put('/users/dora', { country: 'DE', groups: ['free'] }), 'service')
    const claim = { userId: 'dora', path: '/', country: 'TW', groups: ['premium'] }
    const [status] = await as('dora', post('/heartbeats', claim))
    const token = await tokenOf({ scope: 'operator' })
    const { body } = await server.get('/actors/viewer/dora', {
      after: false,
      headers: { authorization: `Bearer ${token}`, 'rollcall-after': server.positions },
    })
    expect([status, body.snapshot.context.last]).toMatchObject([202, { country: 'DE', groups: ['free'] }])
  })

  test("starts and changes its user's session, not another's", async () => {
    expect(await as('sam', preset())).toEqual([200])
    const others = [
      post('/sessions', { userId: 'sam' }),
      preset(),
      put(`/sessions/${session.id}/goals`),
      post(`/sessions/${session.id}/end`),
    ]
    for (const request of others) expect(await as('ann', request)).toEqual(REFUSED)
  })

  test('rates, follows and registers for its user alone', async () => {
    expect(await as('ann', rating('ann'))).toEqual([200])
    expect(await as('ann', rating('ben'))).toEqual(REFUSED)
    expect(await as('ann', put('/users/sam/followers/ann'))).toEqual([200])
    expect(await as('ann', put('/users/sam/followers/ben'))).toEqual(REFUSED)
    expect(await as('ann', put('/users/ann/registrations/phone', phone))).toEqual([200])
    expect(await as('ann', put('/users/ben/registrations/phone', phone))).toEqual(REFUSED)
    expect(await as('ann', { method: 'DELETE', path: '/users/sam/followers/ben' })).toEqual(REFUSED)
    expect(await as('ann', { method: 'DELETE', path: '/users/ben/registrations/phone' })).toEqual(REFUSED)
  })

  test('sends no web events of another user', async () => {
    const event = { sessionId: 'u/ann', ts: Date.now(), page: '/' }
    expect(await as('ann', post('/events', event))).toEqual([202])
    expect(await as('ann', post('/events', { ...event, userId: 'ann' }))).toEqual([202])
    expect(await as('ann', post('/events', { ...event, userId: 'ben' }))).toEqual(REFUSED)
    expect(await as('ann', post('/events', { ...event, sessionId: 'u/ben' }))).toEqual(REFUSED)
  })

  test.each(['/sessions', '/viewers', '/feeds/user_livestream-global'])('reads %s', async path => {
    expect(await as('ann', { path })).toEqual([200])
  })

  test('reads what concerns its user, not what concerns another', async () => {
    for (const path of ['/users/sam', '/users/sam/viewing-sessions', '/users/sam/viewers']) {
      expect(await as('ann', { path })).toEqual(REFUSED)
    }
    expect(await as('sam', { path: '/users/sam/viewers' })).toEqual([200])
    expect(await as('ann', { path: `/sessions/${session.id}/viewers` })).toEqual([200])
    expect(await as('ann', { path: `/sessions/${session.id}/viewers?users=true` })).toEqual(REFUSED)
  })

  test("reads its user's followers, sources and earnings, and whom it follows, not another's", async () => {
    for (const path of ['/users/cleo/followers/ann', '/sources/cleo/obs', '/users/ann', '/trending'])
      expect(await as(null, put(path, { userIds: ['cleo'] }), 'service')).toEqual([200])
    expect(await as(null, post('/earnings', { id: 'of-cleo', userId: 'cleo', amount: 1 }), 'service')).toEqual([200])
    const own = [
      '/users/cleo/followers',
      '/sources/cleo',
      '/sources/cleo/obs',
      '/earnings?userId=cleo',
      '/earnings/of-cleo',
    ]
    for (const path of own) {
      expect([path, await as('cleo', { path })]).toEqual([path, [200]])
      expect([path, await as(null, { path }, 'service')]).toEqual([path, [200]])
      expect([path, await as('ann', { path })]).toEqual([path, REFUSED])
    }
    for (const [user, reply] of [
      ['ann', [200]],
      ['cleo', [200]],
      ['ben', REFUSED],
    ] as const)
      expect([user, await as(user, { path: '/users/cleo/followers/ann' })]).toEqual([user, reply])
    expect(await as('cleo', { path: '/earnings' })).toEqual(REFUSED)
  })

  test.each([
    ['GET', '/parked'],
    ['GET', '/trending'],
    ['GET', '/effects'],
    ['GET', '/actors'],
    ['GET', '/actors/viewer/ann'],
    ['GET', '/statistics'],
    ['GET', '/web-sessions?visitor=v'],
    ['PUT', '/users/ann'],
    ['PUT', '/sources/ann/x'],
    ['PUT', '/trending'],
    ['POST', '/earnings'],
    ['POST', '/parked/viewer/ann/drop'],
    ['POST', '/effects/x/retry'],
  ])('is refused %s %s', async (method, path) => {
    expect(await as('ann', { method, path, ...(method !== 'GET' && { body: {} }) })).toEqual(REFUSED)
  })

  test('subscribes as its user', async () => {
    const subscription = { socket_id: '1.2', channel_name: 'private-user@ann' }
    expect(await as('ann', post('/pusher/auth', subscription))).toEqual([200])
    expect(await as('ben', post('/pusher/auth', subscription))).toEqual(REFUSED)
    expect(await as('ben', post('/pusher/auth', { ...subscription, user_id: 'ann' }))).toEqual(REFUSED)
  })
})

describe('a token with the scope', () => {
  test('service acts for every user, and looks into nothing', async () => {
    expect(await as(null, beat('ben'), 'service')).toEqual([202])
    expect(await as(null, put('/users/ben', {}), 'service')).toEqual([200])
    expect(await as(null, { path: '/parked' }, 'service')).toEqual(REFUSED)
  })

  test('operator looks into everything', async () => {
    for (const path of ['/parked', '/effects', '/statistics']) {
      expect(await as(null, { path }, 'something operator')).toEqual([200])
    }
  })
})

const OF_US = { ROLLCALL_AUTH_AUDIENCE: 'rollcall', ROLLCALL_AUTH_ISSUER: 'us' }
const FOR_US = { aud: 'rollcall', iss: 'us' }

describe('tokens signed by keys under a URL', () => {
  let keys: HttpServer
  let other: Server
  let sign: (claims: JWTPayload) => Promise<string>

  beforeAll(async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }
    keys = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] }))).listen(0, '127.0.0.1')
    await new Promise(resolve => keys.once('listening', resolve))
    const url = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/jwks`
    other = await startServer({ ROLLCALL_AUTH_JWKS_URL: url, ...OF_US })
    sign = claims =>
      new SignJWT({ ...claims, ...FOR_US })
        .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
        .setExpirationTime('10m')
        .sign(privateKey)
  })
  afterAll(() => keys.close())

  test('are taken; one signed by a secret is not', async () => {
    const status = async (token: string) =>
      (await other.request('GET', '/viewers', undefined, { authorization: `Bearer ${token}` })).status
    expect([await status(await sign({ sub: 'ann' })), await status(await tokenOf({ sub: 'ann', ...FOR_US }))]).toEqual([
      200, 401,
    ])
  })
})

describe('keys under a URL that does not give them', () => {
  test.each([
    ['answers 500', 500, '{}'],
    ['gives something else', 200, '{"other":1}'],
  ])('(it %s) are no fault of the token', async (_, status, text) => {
    const keys = createServer((_request, response) => response.writeHead(status).end(text)).listen(0, '127.0.0.1')
    await new Promise(resolve => keys.once('listening', resolve))
    const url = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/jwks`
    const other = await startServer({ ROLLCALL_AUTH_JWKS_URL: url, ...OF_US })
    const { privateKey } = await generateKeyPair('ES256')
    const token = await new SignJWT({ sub: 'ann' }).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(privateKey)
    const answer = await other.request('GET', '/viewers', undefined, { authorization: `Bearer ${token}` })
    expect([answer.status, answer.body.code]).toEqual([503, 'RC_KEYS_UNAVAILABLE'])
    keys.close()
  })
})

describe('where tokens have to be for Rollcall, from somebody', () => {
  test('those for another audience, or of another issuer, are refused', async () => {
    const picky = await startServer({
      ...{ ROLLCALL_AUTH_SECRET: SECRET, ...OF_US },
    })
    const status = async (claims: JWTPayload) => {
      const headers = { authorization: `Bearer ${await tokenOf({ sub: 'ann', ...claims })}` }
      return (await picky.request('GET', '/viewers', undefined, headers)).status
    }
    const given = [FOR_US, { aud: 'shop', iss: 'us' }, { aud: 'rollcall', iss: 'them' }, {}]
    expect(await Promise.all(given.map(status))).toEqual([200, 401, 401, 401])
  })
})

describe('a user who asks too often', () => {
  test('is refused for a while, others and services are not', async () => {
    const limited = await startServer({ ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_RATE_LIMIT: '3' })
    const read = async (claims: JWTPayload & { scope?: string }) => {
      const headers = { authorization: `Bearer ${await tokenOf(claims)}` }
      const { status, headers: answered, body } = await limited.request('GET', '/viewers', undefined, headers)
      return [status, body.code, answered.has('retry-after')]
    }
    const answers = []
    for (let n = 0; n < 4; n++) answers.push(await read({ sub: 'ann' }))
    expect(answers).toEqual([...Array(3).fill([200, undefined, false]), [429, 'RC_RATE_LIMITED', true]])
    expect((await read({ sub: 'ben' }))[0]).toBe(200)
    for (let n = 0; n < 9; n++) expect((await read({ sub: 'ann', scope: 'service' }))[0]).toBe(200)
    for (let n = 0; n < 9; n++) expect((await limited.get('/readyz')).status).toBe(200)
  })
})

describe('the log', () => {
  test('holds neither secret nor token', async () => {
    const token = await tokenOf({ sub: 'ann' })
    await ask({ path: '/parked', token })
    await ask({ path: '/viewers', token: `${token}x` })
    expect([SECRET, token, 'secret-1'].filter(word => server.output.includes(word))).toEqual([])
  })
})

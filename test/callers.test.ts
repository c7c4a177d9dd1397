import { SignJWT, UnsecuredJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { doors, NOW, SECRET, tokenOf } from './support/doors.ts'
import type { Env } from './support/server.ts'

const auth = { ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_RATE_LIMIT: '10000' }
const OPERATORS = 'a secret that operators alone know'
const NOW_S = NOW / 1_000
const DAY_S = 86_400

/** Status and message of an answer to a token; the message only where it is refused. */
async function answer(token: string, { path = '/viewers', env = {} }: { path?: string; env?: Env } = {}) {
  const { status, body } = await doors({ ...auth, ...env }).ask(path, { token })
  return status === 200 ? 200 : `${status} ${body.message}`
}

describe('a token', () => {
  test('is refused with what is wrong with it', async () => {
    const picky = { ROLLCALL_AUTH_AUDIENCE: 'rollcall', ROLLCALL_AUTH_ISSUER: 'us' }
    const right = { sub: 'ann', aud: 'rollcall', iss: 'us' }
    const given: [string | Promise<string>, string | number][] = [
      [tokenOf(right), 200],
      [tokenOf({ ...right, exp: NOW_S - 6 }), '401 The token has expired.'],
      [tokenOf({ ...right, aud: 'shop' }), '401 The token is for another audience.'],
      [tokenOf({ ...right, iss: 'them' }), '401 The token is of another issuer.'],
      [tokenOf({ ...right, nbf: NOW_S + 60 }), '401 The token is not valid yet.'],
      [tokenOf(right, 'another secret of thirty-two chars'), '401 The token carries no signature that fits.'],
      [new UnsecuredJWT(right).encode(), '401 The token carries no signature that fits.'],
      ['x', '401 The token cannot be read.'],
      ['two words', '401 There is no valid token with the request.'],
    ]
    for (const [token, expected] of given) expect(await answer(await token, { env: picky })).toBe(expected)
  })

  test('of a user has an end, a day ahead at most', async () => {
    const of = (claims: object) => tokenOf({ sub: 'ann', ...claims })
    expect(await answer(await of({ exp: undefined }))).toBe('401 The token has no end (exp).')
    expect(await answer(await of({ exp: NOW_S + DAY_S }))).toBe(200)
    expect(await answer(await of({ exp: NOW_S + DAY_S + 6 }))).toBe('401 The token ends too far ahead.')
    expect(await answer(await of({ exp: NOW_S + 61 }), { env: { ROLLCALL_AUTH_MOST_EXP_MS: '50000' } })).toMatch(/^401/)
    expect(await answer(await of({ exp: undefined }), { env: { ROLLCALL_AUTH_REQUIRE_EXP: 'false' } })).toBe(200)
    expect(await answer(await of({ exp: undefined, scope: 'service' }))).toBe(200)
    expect(await answer(await of({ exp: undefined, scope: 'guest', sub: 'g/1' }))).toMatch(/^401/)
  })

  test('that was taken is not taken beyond its end', async () => {
    const { ask, time } = doors(auth)
    const token = await tokenOf({ sub: 'ann', exp: NOW_S + 10 })
    const statuses = []
    for (const ms of [0, 14_000, 2_000]) {
      await time.advance(ms)
      statuses.push((await ask('/viewers', { token })).status)
    }
    expect(statuses).toEqual([200, 200, 401])
  })

  test.each<[string, unknown]>([
    ['a number', 7],
    ['a list', ['ann']],
    ['300 bytes', 'x'.repeat(300)],
    ['nothing', ''],
    ['a line break', 'ann\nben'],
    ['half a character', 'ann\ud800'],
  ])('is refused whose subject is %s', async (_, sub) => {
    expect(await answer(await tokenOf({ sub }))).toBe('401 The subject of the token is no id.')
    expect(await answer(await tokenOf({ sub, scope: 'service' }))).toBe('401 The subject of the token is no id.')
  })

  test.each<[string, unknown]>([
    ['a number', 7],
    ['300 bytes', 'x'.repeat(300)],
  ])('is refused whose visitor is %s', async (_, visitor) => {
    expect(await answer(await tokenOf({ sub: 'ann', visitor }))).toBe('401 The visitor of the token is no id.')
  })

  test.each(['Bearer ', 'Bearer    ', 'bearer ', 'BEARER  '])('comes behind %j', async before => {
    const { ask } = doors(auth)
    const authorization = before + (await tokenOf({ sub: 'ann' }))
    expect((await ask('/viewers', { headers: { authorization } })).status).toBe(200)
  })

  test.each(['Bearer', 'Basic ', ''])('does not come behind %j', async before => {
    const { ask } = doors(auth)
    const authorization = before + (await tokenOf({ sub: 'ann' }))
    expect((await ask('/viewers', { headers: { authorization } })).status).toBe(401)
  })
})

describe('an operator', () => {
  const operators = { ROLLCALL_AUTH_OPERATOR_SECRET: OPERATORS }
  const refused = '403 The caller may not do this.'

  test('is who has the scope of operators, which may have another name', async () => {
    const [operator, admin] = [await tokenOf({ scope: 'x operator' }), await tokenOf({ scope: 'admin', sub: 'ann' })]
    expect([await answer(operator, { path: '/parked' }), await answer(admin, { path: '/parked' })]).toEqual([
      200,
      refused,
    ])
    const env = { ROLLCALL_AUTH_OPERATOR_SCOPE: 'admin' }
    expect(await answer(admin, { path: '/parked', env })).toBe(200)
    expect(await answer(await tokenOf({ scope: 'operator', sub: 'ann' }), { path: '/parked', env })).toBe(refused)
  })

  test('is by a secret of operators who has a token signed by it, whatever its scope', async () => {
    const options = { path: '/parked', env: operators }
    expect(await answer(await tokenOf({ sub: 'olga' }, OPERATORS), options)).toBe(200)
    expect(await answer(await tokenOf({ sub: 'olga', scope: 'operator' }), options)).toBe(refused)
    expect(await answer(await tokenOf({ sub: 'ann' }), { env: operators })).toBe(200)
    expect(await answer(await tokenOf({ exp: NOW_S - 60 }, OPERATORS), options)).toBe('401 The token has expired.')
  })

  test('has each decision told in the log: who, what, on what', async () => {
    const { post, logged } = doors(auth)
    const operator = await tokenOf({ sub: 'olga', scope: 'operator' })
    expect((await post('/parked/viewer/ann/drop', {}, operator)).status).toBe(202)
    expect((await post('/parked/viewer/ben/drop', {}, operator)).status).toBe(404)
    expect((await post('/parked/viewer/ann/retry', {}, await tokenOf({ sub: 'ann' }))).status).toBe(403)
    expect(logged).toEqual([{ line: { operator: 'olga', act: 'parked.drop', on: 'viewer/ann' }, text: 'operator' }])
  })
})

describe('a guest', () => {
  const guest = { sub: 'g/1', scope: 'guest', visitor: 'g/1' }

  test.each<[string, Parameters<typeof tokenOf>[0], string]>([
    ['a user', { ...guest, sub: 'ann' }, '401 The subject of the token is no guest.'],
    ['another visitor', { ...guest, visitor: 'u/ann' }, '401 The visitor of the token is not its guest.'],
  ])('is not %s', async (_, claims, expected) => {
    expect(await answer(await tokenOf(claims))).toBe(expected)
  })

  test.each([
    'guest service',
    'guest operator',
  ])('is no more than that, whatever else it is called: %s', async scope => {
    expect(await answer(await tokenOf({ ...guest, scope }), { path: '/statistics' })).toMatch(/^403/)
    expect(await answer(await tokenOf({ ...guest, scope }), { path: '/parked' })).toMatch(/^403/)
  })

  test('reads what everybody with a token may, and does nothing else', async () => {
    const { ask, appended } = doors(auth)
    const token = await tokenOf(guest)
    const status = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown) =>
      (await ask(path, { method, token, body })).status
    for (const path of ['/sessions', '/viewers', '/feeds/user_livestream-global', '/asyncapi.json'])
      expect([path, await status('GET', path)]).toEqual([path, 200])
    expect(await status('GET', '/sessions/s')).toBe(404)
    const refused: [method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object][] = [
      ['GET', '/users/g%2F1'],
      ['GET', '/users/g%2F1/viewing-sessions'],
      ['GET', '/users/g%2F1/viewers'],
      ['GET', '/sessions/s/viewers?users=true'],
      ['GET', '/statistics'],
      ['GET', '/web-sessions?visitor=g%2F1'],
      ['GET', '/parked'],
      ['GET', '/effects'],
      ['GET', '/actors/viewer/g%2F1'],
      ['POST', '/sessions', { userId: 'g/1' }],
      ['POST', '/sessions/s/ratings', { userId: 'g/1', score: 5 }],
      ['PUT', '/users/sam/followers/g%2F1', {}],
      ['DELETE', '/users/sam/followers/g%2F1'],
      ['PUT', '/users/g%2F1/registrations/phone', { kind: 'fid', value: 'x' }],
      ['PUT', '/users/g%2F1', {}],
      ['POST', '/pusher/auth', { socket_id: '1.2', channel_name: 'private-user@g' }],
      ['POST', '/earnings', { id: 'e', userId: 'g/1', amount: 1 }],
    ]
    for (const [method, path, body] of refused)
      expect([method, path, await status(method, path, body)]).toEqual([method, path, 403])
    expect(appended).toEqual([])
  })
})

test('a token signed anew with an algorithm of no key is refused', async () => {
  const token = new SignJWT({ sub: 'ann', exp: NOW_S + 60 }).setProtectedHeader({ alg: 'HS512' })
  expect(await answer(await token.sign(new TextEncoder().encode(`${SECRET}${SECRET}`)))).toMatch(
    /no signature that fits/,
  )
})

import { describe, expect, test } from 'vitest'
import { doors, SECRET, tokenOf } from './support/doors.ts'
import type { Env } from './support/server.ts'

const LISTED = 'https://app.example.com'
const open = doors({ ROLLCALL_ORIGINS: LISTED })
const closed = doors({ ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_ORIGINS: `${LISTED},http://other.example:8080` })
const beat = { userId: 'ann', path: '/' }

const sent = async (headers: Env, to = open) => {
  const { status, body } = await to.ask('/heartbeats', { method: 'POST', headers, body: beat })
  return status === 403 ? body.code : status
}
const REFUSED = 'RC_NOT_ALLOWED'

describe('without authentication', () => {
  test.each([
    'localhost',
    'localhost:7420',
    'LocalHost:1',
    '127.0.0.1:7420',
    '127.9.9.9',
    '[::1]',
    '[::1]:7420',
  ])('a request to %s is taken', async host => {
    expect(await sent({ host })).toBe(202)
  })

  test.each([
    'rebound.example',
    'rebound.example:7420',
    'localhost.rebound.example',
    '127.0.0.1.rebound.example',
    'rebound.example:127.0.0.1',
    '192.168.1.7:7420',
    '[::2]:7420',
    'localhost:7420:1',
    'localhost@rebound.example',
  ])('a request to %j is refused, whatever it asks for', async host => {
    expect(await sent({ host })).toBe(REFUSED)
    for (const path of ['/livez', '/viewers', '/nowhere', '/asyncapi.json'])
      expect((await open.ask(path, { headers: { host } })).status).toBe(403)
  })

  test.each([
    'http://localhost:3000',
    'https://127.0.0.1',
    'http://[::1]:5173',
    'http://localhost',
    LISTED,
  ])('a page of %s may ask, and is told so', async origin => {
    expect(await sent({ origin, 'sec-fetch-site': 'cross-site' })).toBe(202)
    const { headers } = await open.ask('/viewers', { headers: { origin } })
    expect(headers).toMatchObject({ 'access-control-allow-origin': origin, vary: 'origin' })
  })

  test.each([
    'https://evil.example',
    'null',
    'http://localhost.evil.example',
    'http://localhost:1/x',
    `${LISTED}.evil`,
  ])('a page of %s is refused, and its preflight too', async origin => {
    expect(await sent({ origin })).toBe(REFUSED)
    const asks = { origin, 'access-control-request-method': 'POST' }
    const { status, headers } = await open.ask('/heartbeats', { method: 'OPTIONS', headers: asks })
    expect([status, headers['access-control-allow-origin']]).toEqual([403, undefined])
  })

  test.each([
    ['cross-site', REFUSED],
    ['nonsense', REFUSED],
    ['same-origin', 202],
    ['same-site', 202],
    ['none', 202],
  ])('what a browser sends as %s gets %s', async (site, expected) => {
    expect(await sent({ 'sec-fetch-site': site })).toBe(expected)
  })
})

describe('with authentication', () => {
  test('any Host is served, and a page that is not listed gets its answer, which no browser shows to it', async () => {
    const token = await tokenOf({ sub: 'ann' })
    for (const origin of ['https://evil.example', 'http://localhost:3000']) {
      const headers = { host: 'rollcall.example', origin, 'sec-fetch-site': 'cross-site' }
      const reply = await closed.ask('/viewers', { token, headers })
      expect([reply.status, reply.headers['access-control-allow-origin']]).toEqual([200, undefined])
    }
  })

  test('each page that is listed reads its answers, refusals included, and what their headers say', async () => {
    const headers = { origin: 'http://other.example:8080' }
    for (const path of ['/viewers', '/nowhere']) {
      const reply = await closed.ask(path, { headers })
      expect([reply.status, reply.headers['access-control-allow-origin']]).toEqual([401, headers.origin])
      expect(reply.headers['access-control-expose-headers']).toBe('rollcall-position, rollcall-time, retry-after')
    }
  })

  test('a preflight is answered without a token and beyond every limit', async () => {
    const { ask } = doors({ ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_ORIGINS: LISTED, ROLLCALL_RATE_LIMIT: '1' })
    const asks = { origin: LISTED, 'access-control-request-method': 'PUT' }
    for (let n = 0; n < 3; n++) {
      const { status, headers } = await ask('/trending', { method: 'OPTIONS', headers: asks })
      expect([status, headers]).toMatchObject([
        204,
        {
          'access-control-allow-origin': LISTED,
          'access-control-allow-methods': 'GET, POST, PUT, DELETE',
          'access-control-allow-headers': 'authorization, content-type, rollcall-after, traceparent',
          'access-control-max-age': '7200',
        },
      ])
    }
    const statuses = []
    for (let n = 0; n < 2; n++) statuses.push((await ask('/trending', { method: 'OPTIONS' })).status)
    expect(statuses).toEqual([401, 429])
  })
})

import { afterEach, describe, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import type { RollcallError } from '../src/errors.ts'
import { doors, SECRET, tokenOf } from './support/doors.ts'

const TOKEN = 'a.token~of+thirty-two/characters='
const SECRET_LIKE = 'x'.repeat(40)
const WITH_AUTH = { ROLLCALL_AUTH_SECRET: SECRET }
const WITH_TOKEN = { ROLLCALL_METRICS_TOKEN: TOKEN }

let opened: ReturnType<typeof doors>
afterEach(() => opened?.app.close())

const statusOf = async (token?: string, url = '/metrics') => (await opened.ask(url, { token })).status

describe('/metrics with authentication', () => {
  test('is for operators', async () => {
    opened = doors(WITH_AUTH)
    const { status, headers, body } = await opened.ask('/metrics', { token: await tokenOf({ scope: 'operator' }) })
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
    expect(body).toContain('# TYPE rollcall_http_request_seconds histogram\n')
    expect(await statusOf()).toBe(401)
    expect(await statusOf(TOKEN)).toBe(401)
    expect(await statusOf(await tokenOf({ sub: 'ann' }))).toBe(403)
    expect(await statusOf(await tokenOf({ scope: 'service' }))).toBe(403)
  })

  test('is also for who has the token, which opens nothing else', async () => {
    opened = doors({ ...WITH_AUTH, ...WITH_TOKEN })
    expect(await statusOf(TOKEN)).toBe(200)
    expect(await statusOf(await tokenOf({ scope: 'operator' }))).toBe(200)
    for (const wrong of [`${TOKEN}=`, TOKEN.slice(1), TOKEN.toUpperCase()]) expect(await statusOf(wrong)).toBe(401)
    for (const url of ['/parked', '/viewers', '/figures']) expect(await statusOf(TOKEN, url)).toBe(401)
    expect((await opened.post('/heartbeats', { userId: 'ann', path: '/' }, TOKEN)).status).toBe(401)
  })

  test('takes no limit from who has the token, and its own from who guesses', async () => {
    opened = doors({ ...WITH_AUTH, ...WITH_TOKEN, ROLLCALL_RATE_LIMIT: '3' })
    for (let n = 0; n < 10; n++) expect(await statusOf(TOKEN)).toBe(200)
    const guesses: number[] = []
    for (let n = 0; n < 5; n++) guesses.push(await statusOf(`${TOKEN}${n}`))
    expect(guesses).toEqual([401, 401, 401, 429, 429])
    expect(await statusOf(TOKEN)).toBe(200)
  })
})

describe('/metrics without authentication', () => {
  test('is for everybody on this machine', async () => {
    opened = doors({})
    expect(await statusOf()).toBe(200)
  })

  test('is for who has the token where one is set', async () => {
    opened = doors(WITH_TOKEN)
    expect(await statusOf()).toBe(401)
    expect(await statusOf(`${TOKEN}x`)).toBe(401)
    expect(await statusOf(TOKEN)).toBe(200)
    expect(await statusOf(undefined, '/livez')).toBe(200)
    expect((await opened.post('/heartbeats', { userId: 'ann', path: '/' })).status).toBe(202)
  })
})

describe('the token of the figures', () => {
  const faultsOf = (env: Record<string, string>): string[] => {
    try {
      readConfig(env, 2)
      return []
    } catch (error) {
      return (error as RollcallError).faults!.map(({ path, message }) => `${path} ${message}`)
    }
  }

  test.each([
    ['too short', { ROLLCALL_METRICS_TOKEN: 'x'.repeat(31) }, 'must have 32 bytes or more'],
    ['no bearer token', { ROLLCALL_METRICS_TOKEN: `${'x'.repeat(32)} ` }, 'must be a bearer token'],
    [
      'a secret',
      { ROLLCALL_METRICS_TOKEN: SECRET_LIKE, ROLLCALL_AUTH_SECRET: SECRET_LIKE },
      'must be another one than ROLLCALL_AUTH_SECRET',
    ],
  ])('is refused where it is %s, and not told', (_what, env, why) => {
    const faults = faultsOf(env)
    expect(faults).toEqual([`ROLLCALL_METRICS_TOKEN ${why}`])
    expect(faults.join()).not.toContain(env.ROLLCALL_METRICS_TOKEN)
  })
})

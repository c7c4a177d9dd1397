import { createHmac } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { named } from '../src/bridge/callers.ts'
import { Limits } from '../src/bridge/limits.ts'
import { doors, NOW, SECRET, tokenOf } from './support/doors.ts'
import type { Env } from './support/server.ts'
import { ManualTime } from './support/time.ts'

const auth = { ROLLCALL_AUTH_SECRET: SECRET }
const limited = (rates: Record<string, number>) =>
  doors({
    ...auth,
    ...Object.fromEntries(Object.entries(rates).map(([name, rate]) => [`ROLLCALL_RATE_${name}`, `${rate}`])),
  })
type Doors = ReturnType<typeof doors>

const beat = { userId: 'ann', path: '/' }
const codeOf = ({ body, status }: { body: { code?: string }; status: number }): string | number => body.code ?? status
const LIMITED = 'RC_RATE_LIMITED'

/** The answers to the same request, one after the other. */
async function answers(count: number, ask: () => Promise<{ body: { code?: string }; status: number }>) {
  const all: (string | number)[] = []
  for (let n = 0; n < count; n++) all.push(codeOf(await ask()))
  return all
}

const opened: Doors['app'][] = []
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close()
})

describe('a user', () => {
  test('has its requests of a minute, refusals included, and gets them back with time', async () => {
    const { ask, post, time } = limited({ LIMIT: 6 })
    const token = await tokenOf({ sub: 'ann' })
    const asked = [
      () => ask('/viewers', { token }),
      () => ask('/parked', { token }),
      () => ask('/nowhere', { token }),
      () => ask('/users/%zz', { token }),
      () => post('/heartbeats', '{', token),
      () => post('/heartbeats', 'x'.repeat(1_100_000), token),
    ]
    const all = []
    for (const each of asked) all.push(codeOf(await each()))
    expect(all).toEqual([
      200,
      'RC_NOT_ALLOWED',
      'RC_NOT_ALLOWED',
      'RC_NOT_ALLOWED',
      'RC_INVALID_JSON',
      'RC_BODY_TOO_LARGE',
    ])
    for (const each of asked) {
      const { status, headers, body } = await each()
      expect([status, body.code, headers['retry-after']]).toEqual([429, LIMITED, '10'])
    }
    await time.advance(10_000)
    expect(await answers(2, asked[0]!)).toEqual([200, LIMITED])
  })

  test('is not slowed by another one, and slows no service', async () => {
    const { ask } = limited({ LIMIT: 2 })
    const [ann, ben, service] = await Promise.all([
      tokenOf({ sub: 'ann' }),
      tokenOf({ sub: 'ben' }),
      tokenOf({ sub: 'ann', scope: 'service' }),
    ])
    expect(await answers(3, () => ask('/viewers', { token: ann }))).toEqual([200, 200, LIMITED])
    expect(await answers(2, () => ask('/viewers', { token: ben }))).toEqual([200, 200])
    expect(await answers(9, () => ask('/viewers', { token: service }))).toEqual(Array(9).fill(200))
  })

  test('is the same one by each of its tokens', async () => {
    const { ask } = limited({ LIMIT: 2 })
    const tokens = await Promise.all([1, 2, 3].map(jti => tokenOf({ sub: 'ann', jti: String(jti) })))
    const all = []
    for (const token of tokens) all.push(codeOf(await ask('/viewers', { token })))
    expect(all).toEqual([200, 200, LIMITED])
  })

  test('is held against its limit before its body is read', async () => {
    const { post } = limited({ LIMIT: 1 })
    const token = await tokenOf({ sub: 'ann' })
    expect(await answers(2, () => post('/heartbeats', '{', token))).toEqual(['RC_INVALID_JSON', LIMITED])
  })

  test('has its records of a minute, by whichever door they come and whether or not they fit', async () => {
    const { post, request, appended } = limited({ RECORDS: 50 })
    const token = await tokenOf({ sub: 'ann' })
    expect(codeOf(await post('/heartbeats', Array(20).fill(beat), token))).toBe(202)
    expect(codeOf(await post('/heartbeats', Array(20).fill({}), token))).toBe('RC_INVALID_INPUT')
    expect((await request('heartbeats.ann', Array(20).fill(beat))).code).toBe(LIMITED)
    expect((await request('heartbeats.ann', Array(10).fill(beat))).accepted).toBe(10)
    expect(codeOf(await post('/heartbeats', beat, token))).toBe(LIMITED)
    expect(appended).toHaveLength(30)
  })

  test('has its bytes of a minute, by whichever door they come', async () => {
    const { post, request } = limited({ BYTES: 2_000 })
    const token = await tokenOf({ sub: 'ann' })
    const long = { ...beat, path: `/${'x'.repeat(900)}` }
    expect(codeOf(await post('/heartbeats', long, token))).toBe(202)
    expect((await request('heartbeats.ann', long)).accepted).toBe(1)
    expect((await request('heartbeats.ann', long)).code).toBe(LIMITED)
    expect(codeOf(await post('/heartbeats', long, token))).toBe(LIMITED)
    expect(codeOf(await post('/heartbeats', beat, token))).toBe(202)
  })

  test('has its requests over NATS too', async () => {
    const { request } = limited({ LIMIT: 2 })
    const all = []
    for (const payload of ['{', beat, beat]) all.push((await request('heartbeats.ann', payload)).code)
    expect(all).toEqual(['RC_INVALID_JSON', undefined, LIMITED])
    expect((await request('heartbeats._', beat)).accepted).toBe(1)
    expect((await request('sessions.end.ann', { sessionId: 's' })).code).toBe(LIMITED)
  })

  test('may send what is more than a minute has, and waits until that is back', async () => {
    const [time, ann] = [new ManualTime(NOW), named('ann')]
    const limits = new Limits({ requests: 60, records: 60, bytes: 60 }, time)
    limits.take(ann, { bytes: 120 })
    await time.advance(119_000)
    expect(() => limits.take(ann, { bytes: 60 })).toThrow(
      expect.objectContaining({ code: LIMITED, retryAfterMs: 1_000 }),
    )
    await time.advance(1_000)
    limits.take(ann, { bytes: 60 })
  })

  test('is forgotten when a hundred thousand others were there since, and none of them is', () => {
    const [time, ann] = [new ManualTime(NOW), named('ann')]
    const limits = new Limits({ requests: 1, records: 1, bytes: 1 }, time)
    limits.take(ann, { requests: 1 })
    for (let n = 0; n < 99_999; n++) limits.take(named(`user-${n}`), { requests: 1 })
    expect(() => limits.take(ann, { requests: 1 })).toThrow()
    for (let n = 0; n < 99_999; n += 999) expect(() => limits.take(named(`user-${n}`), { requests: 1 })).toThrow()
    for (let n = 0; n < 100_000; n++) limits.take(named(`other-${n}`), { requests: 1 })
    limits.take(ann, { requests: 1 })
  })
})

describe('all without a valid token', () => {
  const forged = (n: number) => tokenOf({ sub: `user-${n}` }, 'another secret of thirty-two chars')

  test('share their requests, whatever is wrong with them, and slow none with one', async () => {
    const { ask, post } = limited({ LIMIT: 6 })
    const asked = [
      () => ask('/viewers'),
      async () => ask('/viewers', { token: await forged(1) }),
      () => ask('/nowhere'),
      () => ask('/asyncapi.json'),
      () => ask('/users/%zz'),
      () => post('/heartbeats', '{'),
    ]
    const all = []
    for (const each of [...asked, ...asked]) all.push(codeOf(await each()))
    const refused = Array(3).fill('RC_UNAUTHENTICATED')
    expect(all).toEqual([...refused, 200, ...refused.slice(1), ...Array(6).fill(LIMITED)])
    const token = await tokenOf({ sub: 'ann' })
    expect(codeOf(await ask('/viewers', { token }))).toBe(200)
    expect(codeOf(await ask('/asyncapi.json', { token }))).toBe(200)
    expect(await answers(9, () => ask('/livez'))).toEqual(Array(9).fill(200))
  })

  test('keep no token that is valid from being verified, however often they forge one', async () => {
    const { ask, time } = limited({ LIMIT: 6 })
    const tokens = await Promise.all(Array.from({ length: 200 }, (_, n) => forged(n)))
    const valid = await tokenOf({ sub: 'ann' })
    await ask('/viewers', { token: valid })
    for (let round = 0; round < 55; round++) await Promise.all(tokens.map(token => ask('/viewers', { token })))
    // Ten thousand wrong ones are looked at at once, then a thousand each second.
    expect(codeOf(await ask('/viewers', { token: tokens[0] }))).toBe(LIMITED)
    expect(codeOf(await ask('/viewers', { token: valid }))).toBe(200)
    await time.advance(1_000)
    expect(codeOf(await ask('/viewers', { token: await tokenOf({ sub: 'ben' }) }))).toBe(200)
  })

  test('a token that was valid a while ago is taken where no signature can be looked at', async () => {
    const { ask, time, bridge } = limited({ LIMIT: 6 })
    const valid = await tokenOf({ sub: 'ann' })
    expect(codeOf(await ask('/viewers', { token: valid }))).toBe(200)
    await time.advance(120_000)
    bridge.limits.unprovenTokens.take(10_000)
    expect(codeOf(await ask('/viewers', { token: valid }))).toBe(200)
    await time.advance(600_000)
    bridge.limits.unprovenTokens.take(10_000)
    expect(codeOf(await ask('/viewers', { token: valid }))).toBe(LIMITED)
  })

  test('share the requests over NATS whose subject names nobody', async () => {
    const { request, ask } = limited({ LIMIT: 2 })
    const all = []
    for (const token of ['~YW5u', '~', '~_w']) all.push((await request(`heartbeats.${token}`, beat)).code)
    expect(all).toEqual(['RC_NOT_ALLOWED', 'RC_NOT_ALLOWED', LIMITED])
    expect(codeOf(await ask('/viewers'))).toBe(LIMITED)
  })

  test('get no answer to what is no request, when they have sent enough of it', async () => {
    const { app } = limited({ LIMIT: 2 })
    opened.push(app)
    await app.listen({ port: 0 })
    const said = async (): Promise<string> => {
      const socket = connect((app.server.address() as { port: number }).port, 'localhost')
      socket.on('error', () => {}).write('nonsense\r\n\r\n')
      let answer = ''
      for await (const chunk of socket) answer += chunk
      return answer.slice(0, 12)
    }
    expect([await said(), await said(), await said()]).toEqual(['HTTP/1.1 400', 'HTTP/1.1 400', ''])
  })

  test('may send so many bytes of webhooks that nobody signed, of which those that are signed are none', async () => {
    const { ask } = doors({ ...auth, PUSHER_APP_ID: '1', PUSHER_KEY: 'k', PUSHER_SECRET: 's', PUSHER_CLUSTER: 'eu' })
    const body = JSON.stringify({ time_ms: 1, events: [], more: 'x'.repeat(1_000_000) })
    const signature = createHmac('sha256', 's').update(body).digest('hex')
    const signed = { 'x-pusher-key': 'k', 'x-pusher-signature': signature }
    const sent = (headers: Env) => () => ask('/pusher/webhook', { method: 'POST', body, headers })
    expect(await answers(12, sent(signed))).toEqual(Array(12).fill(200))
    expect(await answers(12, sent({}))).toEqual([...Array(10).fill('RC_UNSIGNED'), ...Array(2).fill(LIMITED)])
  })
})

describe('a body without a length', () => {
  /** Sends a body in chunks until there is an answer; gives that back, and how many chunks it took. */
  async function chunked(doors: Doors, token: string): Promise<{ answer: string; sent: number; closed: boolean }> {
    const { app } = doors
    opened.push(app)
    if (!app.server.listening) await app.listen({ port: 0 })
    const socket = connect((app.server.address() as { port: number }).port, 'localhost')
    const heard = { answer: '', sent: 0, closed: false }
    socket.on('error', () => {})
    socket.on('data', data => {
      heard.answer += data
    })
    socket.on('close', () => {
      heard.closed = true
    })
    const head = [
      'POST /heartbeats HTTP/1.1',
      'host: localhost',
      'content-type: application/json',
      'transfer-encoding: chunked',
    ]
    socket.write(`${head.join('\r\n')}\r\nauthorization: Bearer ${token}\r\n\r\n`)
    for (; heard.sent < 200 && heard.answer === '' && !heard.closed; heard.sent++) {
      socket.write(`3e8\r\n${'x'.repeat(1_000)}\r\n`)
      await pause(2)
    }
    for (let turn = 0; turn < 100 && !heard.closed; turn++) await pause(5)
    socket.destroy()
    return heard
  }

  test('is counted as it comes, and ends with the connection where it is too much', async () => {
    const { answer, sent, closed } = await chunked(limited({ BYTES: 20_000 }), await tokenOf({ sub: 'ann' }))
    expect(answer).toMatch(/^HTTP\/1.1 429 [\s\S]*RC_RATE_LIMITED/)
    expect([sent >= 20 && sent < 150, closed]).toEqual([true, true])
  })

  test('is not read at all where the sender is refused', async () => {
    const { answer, sent, closed } = await chunked(limited({}), 'no token')
    expect(answer).toMatch(/^HTTP\/1.1 401 /)
    expect([sent < 100, closed]).toEqual([true, true])
  })
})

test('without authentication there is no limit', async () => {
  const { ask } = doors({ ROLLCALL_RATE_LIMIT: '1' })
  expect(await answers(5, () => ask('/viewers'))).toEqual(Array(5).fill(200))
})

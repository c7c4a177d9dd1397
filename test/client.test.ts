import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { RollcallClient } from '../src/client/index.ts'
import { type Answer, client, memory, NOON } from './support/client-of.ts'
import { startServer } from './support/server.ts'

describe('the client', () => {
  test('sends what was collected at once, with the times at which it happened', async () => {
    const { made, sent } = client()
    made.beat({ userId: 'ann', path: '/' })
    made.beat({ userId: 'ann', path: '/live/s', at: NOON + 1 })
    await made.flush()
    const beats = [
      { userId: 'ann', path: '/', at: NOON },
      { userId: 'ann', path: '/live/s', at: NOON + 1 },
    ]
    expect(sent).toMatchObject([{ path: '/heartbeats', records: beats, authorization: null }])
  })

  test.each<Answer>([
    'no connection',
    { status: 503 },
    { status: 429 },
    { status: 401 },
  ])('sends the very same again after %j', async answer => {
    const { made, sent } = client([answer, answer])
    made.event({ sessionId: 'v', page: '/' })
    await made.flush()
    expect(sent).toHaveLength(3)
    expect(sent[1]).toEqual(sent[0])
    expect(sent[2]).toEqual(sent[0])
    expect(sent[0]!.records[0]).toMatchObject({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), ts: NOON })
  })

  test('waits longer each time, and as long as it is told', async () => {
    const later = { status: 429, headers: { 'retry-after': '7' } }
    const { made, slept } = client(['no connection', 'no connection', later])
    made.beat({ userId: 'ann', path: '/' })
    await made.flush()
    expect(slept).toEqual([1_000, 500, 1_000, 7_000])
  })

  test('waits its own time where it is told a date', async () => {
    const { made, slept } = client([{ status: 503, headers: { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' } }])
    made.beat({ userId: 'ann', path: '/' })
    await made.flush()
    expect(slept).toEqual([1_000, 500])
  })

  test('says which records were refused, and sends the rest', async () => {
    const fault = { index: 1, path: 'userId', code: 'too_small', message: 'is too short' }
    const { made, sent, refusals } = client([{ status: 400, body: { code: 'RC_INVALID_INPUT', faults: [fault] } }])
    for (const userId of ['ann', '', 'ben']) made.beat({ userId, path: '/' })
    await made.flush()
    expect(sent[1]!.records.map(({ userId }) => userId)).toEqual(['ann', 'ben'])
    expect(refusals).toMatchObject([{ record: { userId: '' }, code: 'too_small' }])
  })

  test('says of all that they were refused where no single one is at fault', async () => {
    const { made, refusals } = client([{ status: 400, body: { code: 'RC_INVALID_JSON', message: 'no' } }])
    made.beat({ userId: 'ann', path: '/' })
    made.beat({ userId: 'ben', path: '/' })
    await made.flush()
    expect(refusals.map(({ code }) => code)).toEqual(['RC_INVALID_JSON', 'RC_INVALID_JSON'])
  })

  test('goes on where the one before ended, from the storage', async () => {
    const storage = memory()
    const { made } = client(Array(99).fill('no connection'), { storage })
    made.event({ id: 'e1', sessionId: 'v', page: '/' })
    await nextTurn()
    made.close()
    const next = client([], { storage })
    await next.made.flush()
    expect(next.sent[0]!.records).toMatchObject([{ id: 'e1' }])
    expect(storage.text).toBe('[]')
  })

  test('begins anew where the storage holds something else', () => {
    expect(client([], { storage: memory('{"not":') }).made.waiting).toBe(0)
  })

  test('goes on in memory where the storage takes nothing', async () => {
    const full = {
      getItem: () => null,
      setItem() {
        throw new Error('full')
      },
    }
    const { made, sent } = client([], { storage: full })
    made.beat({ userId: 'ann', path: '/' })
    await made.flush()
    expect([sent.length, made.waiting]).toEqual([1, 0])
  })

  test('drops the oldest of too many', async () => {
    const { made, sent } = client([], { mostWaiting: 2 })
    for (const userId of ['a', 'b', 'c']) made.beat({ userId, path: '/' })
    await made.flush()
    expect(sent[0]!.records.map(({ userId }) => userId)).toEqual(['b', 'c'])
  })

  test('asks for the token before each request', async () => {
    let n = 0
    const { made, sent } = client([{ status: 401 }], { token: async () => `token-${++n}` })
    made.beat({ userId: 'ann', path: '/' })
    await made.flush()
    expect(sent.map(({ authorization }) => authorization)).toEqual(['Bearer token-1', 'Bearer token-2'])
  })
})

describe('the client of a server', () => {
  test('loses and doubles nothing while the server is killed and comes back', async () => {
    const server = await startServer()
    const url = await server.url
    const made = new RollcallClient({
      url,
      collectMs: 5,
      sleep: ms => new Promise(r => setTimeout(r, Math.min(ms, 50))),
    })
    const visit = (n: number) => made.event({ sessionId: `v${n % 5}`, page: `/${n}` })
    for (let n = 0; n < 200; n++) {
      visit(n)
      made.beat({ userId: `u${n}`, path: '/live/s1' })
      if (n % 50 === 0) await nextTurn()
    }
    const killed = server.restart({ ROLLCALL_PORT: new URL(url).port })
    for (let n = 200; n < 300; n++) visit(n)
    await killed
    await made.flush()
    const visits = async (n: number): Promise<number> => {
      const { webSessions } = (await server.get(`/web-sessions?visitor=v${n}`)).body
      return webSessions.reduce((sum: number, { eventCount }: { eventCount: number }) => sum + eventCount, 0)
    }
    await expect
      .poll(async () => (await server.get('/sessions/s1/viewers')).body.attendance, { timeout: 10_000 })
      .toBe(200)
    await expect
      .poll(async () => Promise.all([0, 1, 2, 3, 4].map(visits)), { timeout: 10_000 })
      .toEqual(Array(5).fill(60))
  })
})

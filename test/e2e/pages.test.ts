import { beforeAll, describe, expect, test } from 'vitest'
import { type Body, type Server, startServer } from '../support/server.ts'

const DAY_MS = 86_400_000
const NOON = Date.UTC(2026, 0, 1, 12)

let server: Server

beforeAll(async () => {
  server = await startServer({ ROLLCALL_FLUSH_MS: '20', ROLLCALL_HISTORY_MS: '315360000000' })
})

/** All pages of a list, each of `limit` items. */
async function pages(path: string, field: string, limit: number): Promise<Body[][]> {
  const found: Body[][] = []
  for (let after = ''; ; ) {
    const query = `${path.includes('?') ? '&' : '?'}limit=${limit}${after && `&after=${encodeURIComponent(after)}`}`
    const { status, body } = await server.get(path + query, { after: true })
    expect([status, body.message]).toEqual([200, undefined])
    found.push(body[field])
    if (body.next === undefined) return found
    after = body.next
  }
}

/** The whole list is what its pages are together, none of which is longer than asked for. */
async function expectPages(path: string, field: string, count: number, limits = [1, 2, 7]): Promise<Body[]> {
  const whole = (await pages(path, field, 1_000)).flat()
  expect(whole).toHaveLength(count)
  for (const limit of limits) {
    const parts = await pages(path, field, limit)
    expect(parts.flat()).toEqual(whole)
    expect(Math.max(...parts.map(part => part.length))).toBeLessThanOrEqual(limit)
  }
  return whole
}

describe('a list in pages', () => {
  test('of sessions holds each once, newest first, active or not', async () => {
    for (let n = 0; n < 12; n++) {
      const { body } = await server.post('/sessions', { userId: `streamer-${n}` })
      if (n % 3 === 0) await server.post(`/sessions/${body.id}/end`, {})
    }
    const all = await expectPages('/sessions', 'sessions', 12)
    expect(all.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .sort()
        .reverse(),
    )
    await expectPages('/sessions?active=true', 'sessions', 8)
    const ended = await expectPages('/sessions?active=false', 'sessions', 4)
    expect(ended.every(({ active }) => active === false)).toBe(true)
  })

  test('of effects holds each once, the newest first', async () => {
    const { effects } = (await server.get('/effects?limit=1000')).body
    const whole = await expectPages(
      '/effects?state=recorded',
      'effects',
      effects.filter((e: Body) => e.state === 'recorded').length,
    )
    expect(whole.length).toBeGreaterThan(20)
    expect(whole.map(({ at }) => at)).toEqual(whole.map(({ at }) => at).sort((a, b) => b - a))
  })

  test('of a visitor holds its web sessions in order, also ten and more of a day', async () => {
    const visits = [0, 1, 2].flatMap(day =>
      Array.from({ length: 13 }, (_, n) => ({
        ...{ sessionId: 'v', id: `${day}-${n}`, ts: NOON + day * DAY_MS + n, page: '/' },
        source: { source: `s${n}` },
      })),
    )
    // Its ids begin with those of the other's days.
    const others = [{ sessionId: 'v-2026-01-02', id: 'x', ts: NOON, page: '/' }]
    await server.post('/events', [...visits, ...others])
    const all = await expectPages('/web-sessions?visitor=v', 'webSessions', 39, [1, 5, 13, 20])
    expect(all.map(({ day, index }) => [day, index])).toEqual(
      ['2026-01-01', '2026-01-02', '2026-01-03'].flatMap(day => Array.from({ length: 13 }, (_, n) => [day, n + 1])),
    )
    await expectPages('/web-sessions?visitor=v&day=2026-01-02', 'webSessions', 13)
    const foreign = await server.get('/web-sessions?visitor=v&after=w-2026-01-01')
    expect([foreign.status, foreign.body.code]).toEqual([400, 'RC_INVALID_INPUT'])
  })

  test('of a web session holds its events in order', async () => {
    const visits = Array.from({ length: 30 }, (_, n) => ({
      ...{ sessionId: 'one', id: `e${n}`, ts: NOON + Math.floor(n / 3), page: `/${n}` },
    }))
    await server.post('/events', visits)
    const events = await expectPages('/web-sessions/one-2026-01-01/events', 'events', 30, [1, 4, 29, 30])
    expect(events.map(({ ts, id }) => [ts, id])).toEqual(
      events.map(({ ts, id }) => [ts, id]).sort(([t, a], [u, b]) => t - u || (a < b ? -1 : 1)),
    )
  })

  test('of viewing sessions holds those of before and those of now', async () => {
    const now = Date.now()
    const beats = Array.from({ length: 20 }, (_, n) => ({ userId: 'ann', path: '/', at: now - (20 - n) * 600_000 }))
    for (const beat of beats) await server.post('/heartbeats', beat)
    const all = await expectPages('/users/ann/viewing-sessions', 'viewingSessions', 20)
    expect(all.map(({ start }) => start)).toEqual(beats.map(({ at }) => at))
  })

  test('of statistics holds each window once', async () => {
    const from = NOON - DAY_MS
    const beats = Array.from({ length: 12 }, (_, n) =>
      Array.from({ length: 9 }, (_, i) => ({ userId: `w${n}-${i}`, path: '/', at: from + n * 300_000, country: 'TW' })),
    )
    await server.post('/heartbeats', beats.flat())
    const records = await expectPages(`/statistics?from=${from}&to=${from + 12 * 300_000}`, 'records', 12)
    expect(records.every(({ viewerCount }) => viewerCount === 9)).toBe(true)
  })

  test('of all viewers tells streams that are sessions from others', async () => {
    const ids: string[] = (await server.get('/sessions')).body.sessions.map(({ id }: Body) => id)
    const streams = [...ids, 'no-session', 'nor-this']
    await server.post(
      '/heartbeats',
      streams.map((stream, n) => ({ userId: `on-${n}`, path: `/live/${stream}` })),
    )
    const { body } = await server.get('/viewers', { after: true })
    expect(Object.keys(body.bySession).sort()).toEqual([...ids].sort())
    expect(body.withoutSession).toEqual({ alive: 2, attendance: 2, streams: 2 })
    const parts = await pages('/viewers', 'bySession', 5)
    expect(parts.map(part => Object.keys(part).length)).toEqual([5, 5, 2])
    expect(Object.assign({}, ...parts)).toEqual(body.bySession)
    expect((await server.get('/sessions/no-session/viewers')).body).toEqual({ alive: 1, attendance: 1 })
  })

  test("of a stream's users, and of a streamer's viewers, the latest first", async () => {
    const { body: session } = await server.post('/sessions', { userId: 'sam' })
    const at = Date.now() - 5_000
    const beats = Array.from({ length: 11 }, (_, n) => ({
      ...{ userId: `fan-${n}`, path: `/live/${session.id}`, at: at + Math.floor(n / 4) },
    }))
    await server.post('/heartbeats', beats)
    const users = await expectPages(`/sessions/${session.id}/viewers?users=true`, 'users', 11)
    expect(users).toEqual(beats.map(({ userId }) => userId).sort())
    const lists = await Promise.all([1, 3, 1_000].map(limit => pages('/users/sam/viewers', 'viewers', limit)))
    for (const list of lists) {
      const seen: Body[] = list.flatMap(({ preview }: Body) => preview)
      expect(seen.map(({ userId }) => userId).sort()).toEqual(users)
      expect(seen.map(({ lastAt }) => lastAt)).toEqual(seen.map(({ lastAt }) => lastAt).sort((a, b) => b - a))
    }
  })

  test.each([
    '/sessions',
    '/effects',
    '/parked',
    '/statistics',
    '/viewers',
    '/web-sessions?visitor=v',
  ])('%s is refused with a limit that is none', async path => {
    for (const limit of ['0', '1001', '-1', 'x', '1.5', '']) {
      const { status, body } = await server.get(`${path}${path.includes('?') ? '&' : '?'}limit=${limit}`)
      expect([limit, status, body.code]).toEqual([limit, 400, 'RC_INVALID_INPUT'])
    }
  })
})

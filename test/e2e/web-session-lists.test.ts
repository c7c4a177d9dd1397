import { SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Body, type Server, startServer } from '../support/server.ts'
import { type WebEvent, webSessions } from '../support/web-session-oracle.ts'

const NOON = Date.UTC(2026, 0, 1, 12)
const DAY = 86_400_000
const HOUR = 3_600_000

/** Visits of users on several devices, which some share, and of parties. */
const events: WebEvent[] = Array.from({ length: 240 }, (_, n) => ({
  ...{ id: `e${n}`, sessionId: `device-${n % 7}`, ts: NOON + (n % 3) * DAY + Math.floor(n / 12) * HOUR, page: `/${n}` },
  ...(n % 4 > 0 && { userId: `user-${n % 5}` }),
  ...(n % 2 === 0 && { partyId: `party ${n % 3}/é` }),
}))
const byId = (a: { id: string }, b: { id: string }): number => Buffer.compare(Buffer.from(a.id), Buffer.from(b.id))
const all = webSessions(events, 1_800_000).sort(byId)

let server: Server
beforeAll(async () => {
  server = await startServer({ ROLLCALL_FLUSH_MS: '20' })
  for (let i = 0; i < events.length; i += 40) await server.deliver('/events', events.slice(i, i + 40).reverse())
})

const listed = async (query: string, limit = 1_000): Promise<Body[]> => {
  const found: Body[] = []
  for (let after = ''; ; ) {
    const place = after && `&after=${encodeURIComponent(after)}`
    const { status, body } = await server.get(`/web-sessions?${query}&limit=${limit}${place}`, { after: true })
    expect([status, body.code, body.webSessions.length <= limit]).toEqual([200, undefined, true])
    found.push(...body.webSessions)
    if (body.next === undefined) return found
    after = body.next
  }
}

describe('web sessions are listed', () => {
  test('of a user, whatever the device, each once and in pages', async () => {
    for (const userId of ['user-0', 'user-4']) {
      const own = all.filter(session => session.userId === userId)
      expect(own.length).toBeGreaterThan(8)
      for (const limit of [3, 1_000]) expect(await listed(`userId=${userId}`, limit)).toEqual(own)
    }
    expect(await listed('userId=nobody')).toEqual([])
  })

  test('of a party, by the first of their events that has one', async () => {
    const partyId = 'party 2/é'
    const own = all.filter(session => session.partyId === partyId)
    expect(own.length).toBeGreaterThan(8)
    for (const limit of [4, 1_000]) expect(await listed(`partyId=${encodeURIComponent(partyId)}`, limit)).toEqual(own)
  })

  test('of a day, whoever the visitor is', async () => {
    const own = all.filter(({ day }) => day === '2026-01-02')
    expect(new Set(own.map(({ visitorId }) => visitorId)).size).toBe(7)
    for (const limit of [5, 1_000]) expect(await listed('day=2026-01-02', limit)).toEqual(own)
  })

  test('behind no place but that of a web session', async () => {
    for (const list of ['visitor=v1', 'userId=u1', 'partyId=p1', 'day=2026-01-01']) {
      const { status, body } = await server.get(`/web-sessions?${list}&after=nonsense`)
      expect([list, status, body.code]).toEqual([list, 400, 'RC_INVALID_INPUT'])
    }
  })

  test('a hundred at a time unless told, a thousand of one visitor', async () => {
    const many = Array.from({ length: 130 }, (_, n) => ({
      id: 'e',
      sessionId: `many-${n}`,
      ts: NOON - 9 * DAY,
      page: '/',
    }))
    const own = many.map(({ ts }, n) => ({ id: `o${n}`, sessionId: 'one', ts: ts - n * HOUR, page: '/' }))
    for (const some of [many, own]) await server.deliver('/events', some)
    const lengths = ['day=2025-12-23', 'visitor=one'].map(async query => {
      const { body } = await server.get(`/web-sessions?${query}`, { after: true })
      return [body.webSessions.length, body.next === undefined]
    })
    expect(await Promise.all(lengths)).toEqual([
      [100, false],
      [130, true],
    ])
  })

  test('in pages that end early where a thousand of them have many events', async () => {
    const day = '2025-12-01'
    const at = Date.UTC(2025, 11, 1)
    for (const sessionId of ['busy-1', 'busy-2', 'busy-3'])
      for (let n = 0; n < 11_000; n += 1_000) {
        const some = Array.from({ length: 1_000 }, (_, i) => ({
          id: `e${n + i}`,
          sessionId,
          ts: at + n + i,
          page: '/',
        }))
        await server.deliver('/events', some)
      }
    const lengths: number[][] = []
    for (let after = ''; after !== undefined; ) {
      const place = after && `&after=${after}`
      const { body } = await server.get(`/web-sessions?day=${day}&limit=1000${place}`, { after: true })
      lengths.push(body.webSessions.map((session: Body) => session.eventIds.length))
      after = body.next
    }
    expect(lengths).toEqual([[11_000, 11_000], [11_000]])
  })

  test('as they are after a late event took a session from a user and a party', async () => {
    const visit = (id: string, minutes: number, more: object = {}) => ({
      ...{ id, sessionId: 'late', ts: NOON + minutes * 60_000, page: '/', ...more },
    })
    await server.deliver('/events', [visit('a', 0), visit('b', 40, { userId: 'late-user', partyId: 'late-party' })])
    const ids = async () =>
      (await Promise.all(['userId=late-user', 'partyId=late-party'].map(query => listed(query)))).map(list =>
        list.map(({ id }) => id),
      )
    expect(await ids()).toEqual([['late-2026-01-01#2'], ['late-2026-01-01#2']])
    await server.deliver('/events', visit('c', 20))
    expect(await ids()).toEqual([['late-2026-01-01'], ['late-2026-01-01']])
    await server.deliver('/events', visit('d', 10, { userId: 'other', partyId: 'other' }))
    expect(await ids()).toEqual([[], []])
  })

  test.each([
    '',
    'limit=3',
    'visitor=v&userId=u',
    'userId=u&partyId=p',
    'userId=u&day=2026-01-01',
    'day=yesterday',
    'userId=',
  ])('not by %j', async query => {
    const { status, body } = await server.get(`/web-sessions?${query}`)
    expect([status, body.code]).toEqual([400, 'RC_INVALID_INPUT'])
  })
})

test('only services list web sessions, by whatever they ask', async () => {
  const secret = 'a secret of thirty-two characters'
  const guarded = await startServer({ ROLLCALL_AUTH_SECRET: secret })
  const statusOf = async (claims: object, query: string): Promise<number> => {
    const token = new SignJWT({ exp: Math.floor(Date.now() / 1_000) + 600, ...claims }).setProtectedHeader({
      alg: 'HS256',
    })
    const authorization = `Bearer ${await token.sign(new TextEncoder().encode(secret))}`
    return (await guarded.get(`/web-sessions?${query}`, { headers: { authorization } })).status
  }
  for (const query of ['visitor=u/ann', 'userId=ann', 'partyId=p', 'day=2026-01-01']) {
    const statuses = [{ sub: 'ann' }, { sub: 'g/1', scope: 'guest' }, { scope: 'service' }].map(claims =>
      statusOf(claims, query),
    )
    expect([query, await Promise.all(statuses)]).toEqual([query, [403, 403, 200]])
  }
  await guarded.stop()
})

import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Random, seeded } from '../support/random.ts'
import { type Body, inParallel, type Server, startServer } from '../support/server.ts'
import { dayOf, type WebEvent, type WebSession, webSessions } from '../support/web-session-oracle.ts'

/** As the reference cases have them: in two of them one lacks its visitor or its time. */
type GivenEvent = Partial<WebEvent> & { page: string }

interface Case {
  name: string
  timeZone: string
  inactivityMs: number
  restartBefore: number[]
  batches: GivenEvent[][]
  expected: WebSession[]
}

const cases: Case[] = JSON.parse(readFileSync(new URL('../reference/web-session-cases.json', import.meta.url), 'utf8'))

/** In this one an id returns with other content, so the order of arrival is part of the case. */
const orderCounts = (one: Case): boolean => one.name === 'probe.staleSessionAfterRewind'

const whole = (event: GivenEvent): event is WebEvent => event.sessionId !== undefined && event.ts !== undefined

/** The same case about visitors of its own; names that begin with each other still do. */
function withVisitorsOf(prefix: string, one: Case): Case {
  return {
    ...one,
    batches: one.batches.map(batch =>
      batch.map(event => ({ ...event, ...(event.sessionId && { sessionId: prefix + event.sessionId }) })),
    ),
    expected: one.expected.map(session => ({
      ...session,
      id: prefix + session.id,
      visitorId: prefix + session.visitorId,
    })),
  }
}

const INACTIVITY = 1_800_000

const number = (n: number): string => String(n).padStart(3, '0')

let server: Server

beforeAll(async () => {
  server = await startServer({
    ROLLCALL_FLUSH_MS: '50',
    ROLLCALL_ZONE: 'UTC',
    ROLLCALL_INACTIVITY_MS: String(INACTIVITY),
  })
})

const sessionsOf = (visitor: string, day: string) =>
  server.get(`/web-sessions?visitor=${encodeURIComponent(visitor)}&day=${day}`, { after: true })

/** The server's word on every visitor and day that the case touches. */
async function answered(one: Case): Promise<Body[]> {
  const days = new Set(
    one.batches
      .flat()
      .filter(whole)
      .map(event => JSON.stringify([event.sessionId, dayOf(event.ts)])),
  )
  const answers: Body[] = []
  for (const [visitor, day] of [...days].sort().map(text => JSON.parse(text))) {
    const { status, body } = await sessionsOf(visitor, day)
    answers.push(...(status === 200 ? body.webSessions : [{ visitor, day, status, body }]))
  }
  return answers
}

const byVisitorAndPlace = (a: WebSession, b: WebSession): number =>
  a.visitorId < b.visitorId ? -1 : a.visitorId > b.visitorId ? 1 : a.day.localeCompare(b.day) || a.index - b.index

const expectedOf = (one: Case): WebSession[] => [...one.expected].sort(byVisitorAndPlace)

/** Resolves when what these headers acknowledge can be read, or the server was killed meanwhile. */
async function settled(headers: Headers): Promise<void> {
  const position = headers.get('rollcall-position') ?? ''
  await server.get('/web-sessions?visitor=any', { headers: { 'rollcall-after': position } }).catch(() => undefined)
}

async function expectEventsOfEachSession(one: Case): Promise<void> {
  const sent = one.batches.flat()
  for (const session of one.expected) {
    const { status, body } = await server.get(`/web-sessions/${encodeURIComponent(session.id)}/events`, { after: true })
    expect(status).toBe(200)
    const firstSent = session.eventIds.map(id =>
      sent.find(event => event.id === id && event.sessionId === session.visitorId),
    )
    expect(body.events.map((event: Body) => [event.id, event.ts, event.page, event.webSessionId])).toEqual(
      firstSent.map(event => [event?.id, event?.ts, event?.page, session.id]),
    )
  }
}

describe('the reference cases in the order given', () => {
  const given = cases.map((one, i) => withVisitorsOf(`given-${number(i)}-`, one))
  const refusals = new Map<string, Body[]>()

  /** A batch as one request; what cannot be an event goes apart, or it would take the batch with it. */
  async function send(one: Case, batch: GivenEvent[]): Promise<void> {
    const events = batch.filter(whole)
    if (events.length > 0) {
      await server.deliver('/events', events)
      await sessionsOf(events[0]?.sessionId as string, '2020-01-01')
    }
    for (const faulty of batch.filter(event => !whole(event))) {
      const reply = await server.post('/events', faulty)
      refusals.set(one.name, [...(refusals.get(one.name) ?? []), { status: reply.status, ...reply.body }])
    }
  }

  beforeAll(async () => {
    expect(new Set(cases.map(one => `${one.timeZone} ${one.inactivityMs}`))).toEqual(new Set([`UTC ${INACTIVITY}`]))
    const lives = Math.max(...cases.map(one => one.restartBefore.length)) + 1
    for (let life = 0; life < lives; life++) {
      if (life > 0) await server.restart()
      await inParallel(8, given, async one => {
        for (const [index, batch] of one.batches.entries()) {
          if (one.restartBefore.filter(before => before <= index).length === life) await send(one, batch)
        }
      })
    }
  })

  for (const one of given) {
    it(`gives the web sessions of ${one.name}`, async () => {
      expect(await answered(one)).toEqual(expectedOf(one))
    })
  }

  it('lists the events of each web session', async () => {
    await inParallel(8, given, expectEventsOfEachSession)
  })

  it('answers with a web session by its id', async () => {
    for (const session of given.flatMap(one => one.expected)) {
      const { status, body } = await server.get(`/web-sessions/${encodeURIComponent(session.id)}`)
      expect([status, body]).toEqual([200, session])
    }
  })

  it('refuses an event without a visitor or a time, saying which', () => {
    expect(Object.fromEntries(refusals)).toEqual({
      'IncrementalWebSessionTest.testCreateIgnoreOneEventWithoutSessionId': [
        expect.objectContaining({
          status: 400,
          code: 'RC_INVALID_INPUT',
          faults: [expect.objectContaining({ index: 0, path: 'sessionId' })],
        }),
      ],
      'IncrementalWebSessionTest.testCreateIgnoreOneEventWithoutTimestamp': [
        expect.objectContaining({
          status: 400,
          code: 'RC_INVALID_INPUT',
          faults: [expect.objectContaining({ index: 0, path: 'ts' })],
        }),
      ],
    })
  })
})

it('is the same computation that the tests use for visits of their own', () => {
  for (const one of cases) {
    expect(webSessions(one.batches.flat().filter(whole), INACTIVITY).sort(byVisitorAndPlace)).toEqual(expectedOf(one))
  }
})

/** A visit of some hours around midnight, with gaps about as long as the inactivity and sources that change. */
function randomVisit(random: Random): Case {
  const events: WebEvent[] = []
  let ts = Date.UTC(2021, 5, 1, 20) + random.int(0, 3_600_000)
  for (let i = random.int(3, 25); i > 0; i--) {
    events.push({
      id: `e${random.int(1, 9999)}`,
      sessionId: 'visitor',
      ts,
      page: `/${random.int(1, 3)}${random.pick(['', '?a=1', '#top', '?b#c'])}`,
      ...(random.chance(0.3) && { userId: random.pick(['', 'user1', 'user2']), partyId: random.pick(['', 'party1']) }),
      ...(random.chance(0.2) && {
        source: { source: random.pick(['google', 'direct', 'mail']), medium: random.pick(['', 'cpc']) },
      }),
    })
    ts += random.pick([0, 1, 60_000, 600_000, 900_000, INACTIVITY, INACTIVITY + 1, 2_000_000])
  }
  const distinct = [...new Map(events.map(event => [event.id, event])).values()]
  return {
    name: 'a random visit',
    timeZone: 'UTC',
    inactivityMs: INACTIVITY,
    restartBefore: [],
    batches: [distinct],
    expected: webSessions(distinct, INACTIVITY),
  }
}

describe('the reference cases and random visits, shuffled, repeated, cut at random, through kill -9', () => {
  const VARIANTS = 6
  const RANDOM_VISITS = 80
  const KILLS = 4
  let disturbed: { one: Case; requests: WebEvent[][] }[]

  function disturb(one: Case, random: Random): WebEvent[][] {
    const events = one.batches.flat().filter(whole)
    const repeated = events.filter(() => random.chance(0.25))
    return random.cut(random.shuffle([...events, ...repeated]), 5)
  }

  beforeAll(async () => {
    const random = seeded('web sessions')
    const reference = cases.filter(one => !orderCounts(one))
    const every = [
      ...Array.from({ length: VARIANTS }, () => reference).flat(),
      ...Array.from({ length: RANDOM_VISITS }, () => randomVisit(random)),
    ]
    disturbed = every.map((one, i) => {
      const own = withVisitorsOf(`shuffled-${number(i)}-`, one)
      return { one: own, requests: disturb(own, random) }
    })
    const total = disturbed.reduce((sum, { requests }) => sum + requests.length, 0)
    const killAt = new Set(Array.from({ length: KILLS }, (_, kill) => Math.ceil((total * (kill + 1)) / (KILLS + 1))))
    let accepted = 0
    let revived = Promise.resolve()
    await inParallel(32, disturbed, async ({ requests }) => {
      for (const request of requests) {
        const { headers } = await server.deliver('/events', request)
        accepted++
        if (killAt.has(accepted)) revived = server.restart({ ROLLCALL_SHARDS: String(random.int(1, 3)) })
        // Documents that were read exist: events that come later have to change or remove them.
        else if (random.chance(0.3)) await settled(headers)
      }
    })
    await revived
  })

  it('gives the same web sessions and none beside them', async () => {
    const wrong: unknown[] = []
    await inParallel(8, disturbed, async ({ one, requests }) => {
      const found = await answered(one)
      const expected = expectedOf(one)
      try {
        expect(found).toEqual(expected)
      } catch {
        wrong.push({ name: one.name, found, expected, requests })
      }
    })
    expect(wrong.length, JSON.stringify(wrong[0], null, 1)).toBe(0)
  })

  it('lists the same events of each', async () => {
    await inParallel(8, disturbed, ({ one }) => expectEventsOfEachSession(one))
  })

  it('keeps no web session that a late event joined to another', async () => {
    const kept: string[] = []
    await inParallel(8, disturbed, async ({ one }) => {
      for (const { visitorId, day } of one.expected) {
        const places = one.expected.filter(session => session.visitorId === visitorId && session.day === day).length
        const id = `${visitorId}-${day}#${places + 1}`
        const { status } = await server.get(`/web-sessions/${encodeURIComponent(id)}`, { after: true })
        if (status !== 404) kept.push(id)
      }
    })
    expect(kept).toEqual([])
  })
})

describe('a late event', () => {
  const at = Date.UTC(2021, 5, 1, 12)
  const minutes = (n: number): number => n * 60_000
  const visit = (sessionId: string, after: number) => ({ id: `e${after}`, sessionId, ts: at + after, page: '/' })
  const ids = async (visitor: string, day = '2021-06-01') =>
    (await sessionsOf(visitor, day)).body.webSessions.map((session: Body) => [session.id, session.eventIds])

  it('that closes the gap leaves one web session of two, also after a kill -9 in between', async () => {
    await server.deliver('/events', [visit('late-1', 0), visit('late-1', minutes(50))])
    expect(await ids('late-1')).toHaveLength(2)
    await server.restart()
    await server.deliver('/events', visit('late-1', minutes(25)))
    expect(await ids('late-1')).toEqual([['late-1-2021-06-01', ['e0', 'e1500000', 'e3000000']]])
  })

  it('that closes the gap leaves nothing to be found by the second id', async () => {
    await server.deliver('/events', [visit('late-2', 0), visit('late-2', minutes(50))])
    expect(await ids('late-2')).toHaveLength(2)
    await server.deliver('/events', visit('late-2', minutes(25)))
    const { status } = await server.get('/web-sessions/late-2-2021-06-01%232', { after: true })
    expect(status).toBe(404)
  })

  it('on a new earliest day makes the former first web session one that the day opened', async () => {
    await server.deliver('/events', visit('late-3', 0))
    expect((await sessionsOf('late-3', '2021-06-01')).body.webSessions[0].openedBy).toBe('first')
    await server.deliver('/events', visit('late-3', -86_400_000))
    expect((await sessionsOf('late-3', '2021-06-01')).body.webSessions[0].openedBy).toBe('day')
  })
})

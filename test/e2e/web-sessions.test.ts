import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Random, seeded } from '../support/random.ts'
import { type Body, inParallel, type Server, startServer } from '../support/server.ts'

interface WebEvent {
  id?: string
  sessionId?: string
  ts?: number
  page: string
  userId?: string
  source?: Record<string, string>
}

interface WebSession {
  id: string
  visitorId: string
  day: string
  index: number
  eventIds: string[]
}

interface Case {
  name: string
  timeZone: string
  inactivityMs: number
  restartBefore: number[]
  batches: WebEvent[][]
  expected: WebSession[]
}

const cases: Case[] = JSON.parse(readFileSync(new URL('../reference/web-session-cases.json', import.meta.url), 'utf8'))

/** In this one an id returns with other content, so the order of arrival is part of the case. */
const orderCounts = (one: Case): boolean => one.name === 'probe.staleSessionAfterRewind'

const whole = (event: WebEvent): boolean => event.sessionId !== undefined && event.ts !== undefined

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

const number = (n: number): string => String(n).padStart(2, '0')

let server: Server

beforeAll(async () => {
  server = await startServer({ ROLLCALL_FLUSH_MS: '50', ROLLCALL_ZONE: 'UTC', ROLLCALL_INACTIVITY_MS: '1800000' })
})

const sessionsOf = (visitor: string, day: string) =>
  server.get(`/web-sessions?visitor=${encodeURIComponent(visitor)}&day=${day}`, { after: true })

/** What the server says about every visitor and day that the case touches. */
async function answered(one: Case): Promise<Body[]> {
  const days = new Set(
    one.batches
      .flat()
      .filter(whole)
      .map(event => JSON.stringify([event.sessionId, new Date(event.ts as number).toISOString().slice(0, 10)])),
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

async function expectEventsOfEachSession(one: Case): Promise<void> {
  const sent = one.batches.flat()
  for (const session of one.expected) {
    const { status, body } = await server.get(`/web-sessions/${encodeURIComponent(session.id)}/events`, { after: true })
    expect(status).toBe(200)
    const firstSent = session.eventIds.map(id =>
      sent.find(event => event.id === id && event.sessionId === session.visitorId),
    )
    expect(body.events.map((event: Body) => [event.id, event.ts, event.page])).toEqual(
      firstSent.map(event => [event?.id, event?.ts, event?.page]),
    )
  }
}

describe('the reference cases in the order given', () => {
  const given = cases.map((one, i) => withVisitorsOf(`given-${number(i)}-`, one))
  const refusals = new Map<string, Body[]>()

  /** A batch as one request; what cannot be an event goes apart, or it would take the batch with it. */
  async function send(one: Case, batch: WebEvent[]): Promise<void> {
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
    expect(new Set(cases.map(one => `${one.timeZone} ${one.inactivityMs}`))).toEqual(new Set(['UTC 1800000']))
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

describe('the reference cases shuffled, repeated, cut at random, through kill -9', () => {
  const VARIANTS = 8
  const KILLS = 4
  let disturbed: { one: Case; requests: WebEvent[][] }[]

  function disturb(one: Case, random: Random): WebEvent[][] {
    const events = one.batches.flat().filter(whole)
    const repeated = events.filter(() => random.chance(0.25))
    return random.cut(random.shuffle([...events, ...repeated]), 5)
  }

  beforeAll(async () => {
    const random = seeded('web sessions')
    disturbed = cases.flatMap((one, i) =>
      orderCounts(one)
        ? []
        : Array.from({ length: VARIANTS }, (_, variant) => {
            const own = withVisitorsOf(`v${variant}-${number(i)}-`, one)
            return { one: own, requests: disturb(own, random) }
          }),
    )
    const total = disturbed.reduce((sum, { requests }) => sum + requests.length, 0)
    const killAt = new Set(Array.from({ length: KILLS }, (_, kill) => Math.ceil((total * (kill + 1)) / (KILLS + 1))))
    let accepted = 0
    let revived = Promise.resolve()
    await inParallel(32, disturbed, async ({ requests }) => {
      for (const request of requests) {
        await server.deliver('/events', request)
        accepted++
        if (killAt.has(accepted)) revived = server.restart({ ROLLCALL_SHARDS: String(random.int(1, 3)) })
      }
    })
    await revived
  })

  it('gives the same web sessions and none beside them', async () => {
    const wrong: unknown[] = []
    await inParallel(8, disturbed, async ({ one, requests }) => {
      const webSessions = await answered(one)
      const expected = expectedOf(one)
      try {
        expect(webSessions).toEqual(expected)
      } catch {
        wrong.push({ name: one.name, webSessions, expected, requests })
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

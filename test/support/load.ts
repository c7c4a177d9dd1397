import { expect } from 'vitest'
import { type Heartbeat, statistics, viewers } from './heartbeat-oracle.ts'
import { seeded } from './random.ts'
import { type Body, inParallel, type Server } from './server.ts'

const SECOND = 1_000
const USERS = 120
const VISITORS = 40

export interface Sent {
  path: string
  body: unknown
}

/** An evening's beats and visits in requests, and what is to be read when all of them have arrived. */
export function load(now: number): { beats: Heartbeat[]; requests: Sent[] } {
  const random = seeded('load')
  const beats = Array.from({ length: USERS }, (_, i): Heartbeat[] =>
    Array.from({ length: random.int(5, 15) }, (_, n) => ({
      ...{
        userId: `user-${i}`,
        at: now - n * 40 * SECOND - (i % 20) * 10,
        path: random.pick(['/', '/live/a', '/live/b']),
      },
      ...{ country: random.pick(['TW', 'DE']), groups: random.pick([[], ['free'], ['free', 'beta']]) },
    })),
  ).flat()
  const visits = Array.from({ length: VISITORS * 10 }, (_, n) => ({
    ...{ id: `e${n}`, sessionId: `visitor-${n % VISITORS}`, ts: now - n * SECOND, page: `/${random.int(0, 3)}` },
  }))
  const requests = random.shuffle([
    ...random.cut(random.shuffle([...beats, ...beats.slice(0, 200)]), 60).map(body => ({ path: '/heartbeats', body })),
    ...random.cut(random.shuffle([...visits, ...visits.slice(0, 100)]), 30).map(body => ({ path: '/events', body })),
  ] as Sent[])
  return { beats, requests }
}

export async function send(requests: Sent[], to: Server): Promise<void> {
  await inParallel(4, requests, async ({ path, body }) => void (await to.deliver(path, body)))
}

/** Everything is there, once. */
export async function expectAll(beats: Heartbeat[], on: Server): Promise<void> {
  const { body } = await on.get('/statistics?from=0&to=9999999999999', { after: true })
  expect(body.records).toEqual(statistics(beats))
  const { body: audience } = await on.get('/viewers', { after: true })
  const { attendance, bySession } = viewers(beats, Date.now())
  const streams = Object.entries(bySession)
  expect(audience.attendance).toBe(attendance)
  expect(audience.withoutSession).toMatchObject({
    attendance: streams.reduce((sum, [, count]) => sum + count.attendance, 0),
    streams: streams.length,
  })
  for (const [stream, count] of streams) {
    expect((await on.get(`/sessions/${stream}/viewers`)).body.attendance, stream).toBe(count.attendance)
  }
  const counts = await Promise.all(
    Array.from({ length: VISITORS }, async (_, n) => {
      const { webSessions } = (await on.get(`/web-sessions?visitor=visitor-${n}`, { after: true })).body
      return webSessions.reduce((sum: number, { eventCount }: Body) => sum + eventCount, 0)
    }),
  )
  expect(counts).toEqual(Array(VISITORS).fill(10))
}

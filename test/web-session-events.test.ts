import { describe, expect, test } from 'vitest'
import { visitor } from '../actors/visitor.ts'
import { webSessionOf } from '../actors/visitor-day-documents.ts'
import { standing, type VisitorDay } from '../machines/visitor-day.ts'
import { CHUNK, emptyDay, placed, type Visit, visitsOf } from '../machines/web-sessions.ts'
import { eventsBehind, type Place, withEvents } from '../src/bridge/http/web-session-events.ts'
import { sessionsBehind } from '../src/bridge/http/web-session-pages.ts'
import type { Collection, DocumentStore } from '../src/documents/index.ts'
import { memoryDocuments } from '../src/documents/memory.ts'
import { type DocumentWrite, Projections, project } from '../src/partition/projections.ts'
import type { Time } from '../src/time.ts'
import { type Random, seeded } from './support/random.ts'
import { ManualTime } from './support/time.ts'

const DAY = '2026-01-01'
const START = Date.UTC(2026, 0, 1)
const rules = { zone: 'UTC', inactivityMs: 1_800_000 }
const empty: VisitorDay = { ...emptyDay('v', DAY, 'first'), standings: [] }

const grown = (day: VisitorDay, visits: readonly Visit[]): VisitorDay =>
  standing(day, placed(day, visits, rules.inactivityMs), START, rules)

function writesOf(before: VisitorDay, after: VisitorDay): DocumentWrite[] {
  const projections = new Projections()
  const context = { first: DAY, open: {}, deadline: null }
  visitor.project({ ...context, days: { [DAY]: before } }, { ...context, days: { [DAY]: after } }, 'v', projections)
  return projections.take()
}

/** Documents that count how many of a collection were given out. */
function counted(documents: DocumentStore): { documents: DocumentStore; given: Map<Collection, number> } {
  const given = new Map<Collection, number>()
  const find: DocumentStore['find'] = async (collection, query) => {
    const found = await documents.find(collection, query)
    given.set(collection, (given.get(collection) ?? 0) + found.length)
    return found
  }
  return { documents: { ...documents, find }, given }
}

const isBehind = (after: Place | null) => (visit: Visit) =>
  !after || visit.ts > after.ts || (visit.ts === after.ts && visit.id > after.id)

/** The ids of a page as the day itself has it; undefined: there is no such session. */
function pageOf(day: VisitorDay, id: string, after: Place | null, limit: number): string[] | undefined {
  const session = day.sessions.find(each => each.id === id)
  const all = session && visitsOf(day, session.index).filter(isBehind(after))
  return all?.slice(0, limit + 1).map(visit => visit.id)
}

const visits = (count: number, source: (i: number) => string | undefined): Visit[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ id: `e${String(i).padStart(5, '0')}`, ts: START + i * 1_000, page: '/' },
    ...(source(i) && { source: { source: source(i)! } }),
  }))

describe('of a day with as many events as it keeps', () => {
  const setUp = async (source: (i: number) => string | undefined) => {
    const time = new ManualTime()
    const day = grown(empty, visits(20_000, source))
    const store = memoryDocuments({ time })
    await project(store, writesOf(empty, day), 1)
    return { day, time, ...counted(store) }
  }

  test('a page of events is read from the chunks that hold it', async () => {
    const { day, given, ...reading } = await setUp(() => undefined)
    const session = day.sessions[0]!
    for (const at of [0, 1, CHUNK - 1, CHUNK, 5_000, 18_990, 19_500, 19_999]) {
      given.clear()
      const after = at === 0 ? null : visitsOf(day, 1)[at - 1]!
      const page = (await eventsBehind(reading, session, after, 1_000))!.slice(0, 1_001)
      expect(page.map(({ id }) => id)).toEqual(pageOf(day, session.id, after, 1_000))
      expect([at, given.get('web-events')!]).toEqual([at, Math.min(given.get('web-events')!, 1_000 / CHUNK + 3)])
    }
  })

  test('a page of sessions is read from the chunks that hold their events', async () => {
    const { day, given, ...reading } = await setUp(i => (i % 10 === 0 ? `s${i}` : undefined))
    const after = day.sessions[900]!.id
    const sessions = await sessionsBehind(reading.documents, { visitor: 'v', after }, 20)
    expect(sessions).toEqual(day.sessions.slice(901, 922))
    expect(given.get('web-sessions')).toBeLessThan(60)
    const { found } = await withEvents(reading, sessions)
    expect(found.map(({ events }) => events.map(({ id }) => id))).toEqual(
      sessions.map(({ index }) => visitsOf(day, index).map(({ id }) => id)),
    )
    expect(given.get('web-events')).toBeLessThan(4)
  })
})

test('the events of a day that a former version wrote are shown with their sessions', async () => {
  const day = grown(
    empty,
    visits(1_500, i => (i % 600 === 1 ? `s${i}` : undefined)),
  )
  const documents = memoryDocuments({ time: new ManualTime() })
  const former = writesOf(empty, day).map(({ set, ...write }) => {
    const { begins: _, follows: __, events, ...rest } = set!
    const plain = (events as { webSessionId?: string }[])?.map(({ webSessionId: _, ...event }) => event)
    return { ...write, set: plain ? { ...rest, events: plain } : rest }
  })
  await project(documents, former, 1)
  const reading = { documents, time: new ManualTime() }
  for (const session of day.sessions) {
    const events = (await eventsBehind(reading, session, null, 1_000))!
    expect(events.slice(0, 1_001).map(({ id }) => id)).toEqual(pageOf(day, session.id, null, 1_000))
    expect(new Set(events.map(({ webSessionId }) => webSessionId))).toEqual(new Set([session.id]))
  }
})

/** A day, and late events that move others to other sessions and chunks. */
function changed(random: Random): [before: VisitorDay, after: VisitorDay] {
  const isOfFew = random.chance(0.5)
  const opens = (i: number): boolean => i % (isOfFew ? 700 : 50) === 30
  const all = visits(random.int(2, 1_600), i => (opens(i) ? `s${i % 7}` : undefined))
  const { now = [], late = [] } = Object.groupBy(all, () => (random.chance(0.9) ? 'now' : 'late'))
  let day = grown(empty, now)
  for (const each of late.splice(0, random.int(0, late.length))) day = grown(day, [each])
  const [last = all[0]!] = random.shuffle(late)
  // With a source of its own it opens a session, and all behind it are of the next one.
  return [day, grown(day, [random.chance(0.5) ? { ...last, source: { source: 'own' } } : last])]
}

test('what is read while some documents of a commit are written is as before it, or as after it', async () => {
  const random = seeded('torn documents')
  for (let round = 0; round < 400; round++) {
    const [before, after] = changed(random)
    const documents = memoryDocuments({ time: new ManualTime() })
    await project(documents, writesOf(empty, before), 1)
    const upserts = random.shuffle(writesOf(before, after).filter(({ set }) => set !== null))
    const removes = writesOf(before, after).filter(({ set }) => set === null)
    await project(documents, upserts.slice(0, random.int(0, upserts.length)), 2)
    const time = new ManualTime() as unknown as Time & { sleep: () => Promise<void> }
    time.sleep = () => project(documents, [...upserts, ...removes], 2)
    const sessions = (await documents.find('web-sessions', {})).map(webSessionOf)
    const session = random.pick(sessions)
    if (random.chance(0.5)) {
      const limit = random.pick([3, 100, 1_000])
      const place = random.chance(0.5) ? random.pick(before.chunks.flat()) : null
      const page = await eventsBehind({ documents, time }, session, place, limit)
      const ids = page?.slice(0, limit + 1).map(({ id }) => id)
      expect([before, after].map(day => pageOf(day, session.id, place, limit))).toContainEqual(ids)
    } else {
      const { found } = await withEvents({ documents, time }, random.chance(0.5) ? sessions : [session])
      for (const { session, events } of found) {
        const pages = [before, after].map(day => pageOf(day, session.id, null, 20_000))
        expect(pages).toContainEqual(events.map(({ id }) => id))
      }
    }
  }
})

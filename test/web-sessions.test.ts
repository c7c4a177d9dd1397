import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { localDay } from '../machines/local-day.ts'
import { CHUNK, DAY_VISITS } from '../machines/visits.ts'
import { parseSessionId, sessionId } from '../machines/web-session-id.ts'
import {
  type Day,
  emptyDay,
  placed,
  reopened,
  type Visit,
  visitsOf,
  type WebSession,
} from '../machines/web-sessions.ts'
import { type Random, seeded } from './support/random.ts'

const INACTIVITY = 1_800_000

interface Case {
  name: string
  batches: (Visit & { sessionId?: string })[][]
  expected: (WebSession & { eventIds: string[] })[]
}
const cases: Case[] = JSON.parse(readFileSync(new URL('reference/web-session-cases.json', import.meta.url), 'utf8'))

const placeAll = (visits: Visit[], start: Day = emptyDay('v', '2026-01-01', 'first')): Day =>
  visits.reduce((day, visit) => placed(day, [visit], INACTIVITY), start)

/** The sessions as the rules say it, over the whole sorted list at once. */
function plainly(visits: Visit[]): { openedBy: string; ids: string[]; pageViews: number; userId: string | null }[] {
  const distinct = [...new Map(visits.toReversed().map(visit => [visit.id, visit])).values()]
  distinct.sort((a, b) => a.ts - b.ts || (a.id < b.id ? -1 : 1))
  const source = ({ source }: Visit) =>
    ['source', 'medium', 'campaign', 'keyword', 'content'].map(part => source?.[part as 'source'] || '').join('|')
  const sessions: { openedBy: string; events: Visit[] }[] = []
  for (const visit of distinct) {
    const current = sessions.at(-1)
    const last = current?.events.at(-1)
    const own = source(visit)
    if (!current || !last) sessions.push({ openedBy: 'first', events: [visit] })
    else if (visit.ts - last.ts > INACTIVITY) sessions.push({ openedBy: 'inactivity', events: [visit] })
    else if (own !== '||||' && visit.source?.source !== 'direct' && own !== source(current.events[0]!)) {
      sessions.push({ openedBy: 'source', events: [visit] })
    } else current.events.push(visit)
  }
  const bare = (page: string) => page.split(/[?#]/)[0]
  return sessions.map(({ openedBy, events }) => ({
    openedBy,
    ids: events.map(({ id }) => id),
    pageViews: events.filter(({ page }, i) => i === 0 || bare(page) !== bare(events[i - 1]!.page)).length,
    userId: events.find(({ userId }) => userId)?.userId ?? null,
  }))
}

function randomVisits(random: Random, count: number): Visit[] {
  const sources = [
    undefined,
    undefined,
    undefined,
    { source: 'direct' },
    { source: 'google', medium: 'cpc' },
    { source: 'x', medium: '' },
  ]
  let ts = Date.UTC(2026, 0, 1)
  return Array.from({ length: count }, (_, i) => {
    ts += random.chance(0.1) ? random.int(INACTIVITY - 2, INACTIVITY + 2) : random.int(0, 60_000)
    const source = random.pick(sources)
    const visit: Visit = {
      id: `e${random.int(0, 9)}-${i}`,
      ts,
      page: `/p${random.int(0, 2)}${random.pick(['', '?q', '#f'])}`,
    }
    if (source) visit.source = source
    if (random.chance(0.2)) visit.userId = `u${random.int(1, 3)}`
    return visit
  })
}

const shown = (day: Day) =>
  day.sessions.map(({ openedBy, pageViews, userId, index }) => ({
    openedBy,
    ids: visitsOf(day, index).map(({ id }) => id),
    pageViews,
    userId,
  }))

describe('the day rules', () => {
  test.each(cases)('$name', ({ batches, expected }) => {
    const visits = batches.flat().filter(({ sessionId, ts }) => sessionId && ts)
    const visitors = Map.groupBy(visits, ({ sessionId }) => sessionId!)
    const sessions = [...visitors].flatMap(([visitor, own]) => {
      const days = [...Map.groupBy(own, ({ ts }) => localDay(ts, 'UTC'))].sort(([a], [b]) => (a < b ? -1 : 1))
      return days.flatMap(([name, events], i) => {
        const day = placeAll(events, emptyDay(visitor, name, i === 0 ? 'first' : 'day'))
        return day.sessions.map(session => ({ ...session, eventIds: visitsOf(day, session.index).map(({ id }) => id) }))
      })
    })
    const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1)
    expect(sessions.toSorted(byId)).toEqual(expected.toSorted(byId))
  })

  test('any order and repetition of a day gives what the rules say of the sorted whole', () => {
    const random = seeded('day rules')
    for (let round = 0; round < 400; round++) {
      const visits = randomVisits(random, random.int(1, 40))
      const repeated = random.shuffle([...visits, ...visits.filter(() => random.chance(0.3))])
      expect(shown(placeAll(repeated))).toEqual(plainly(visits))
    }
  })

  test('a day of several chunks is the same in order and shuffled', () => {
    const random = seeded('chunks')
    const visits = randomVisits(random, 2_000)
    const [inOrder, shuffled] = [placeAll(visits), placeAll(random.shuffle(visits))]
    expect(shuffled.sessions).toEqual(inOrder.sessions)
    expect(shuffled.chunks.flat()).toEqual(inOrder.chunks.flat())
    expect(Math.max(...shuffled.chunks.map(({ length }) => length))).toBeLessThanOrEqual(CHUNK)
  })

  test('events that are placed together end as they do one by one', () => {
    const random = seeded('together')
    for (let round = 0; round < 200; round++) {
      const visits = randomVisits(random, random.int(1, 120))
      const shuffled = random.shuffle([...visits, ...visits.filter(() => random.chance(0.3))])
      let together = emptyDay('v', '2026-01-01', 'first')
      for (let rest = shuffled; rest.length > 0; ) {
        const some = rest.slice(0, random.int(1, 40))
        rest = rest.slice(some.length)
        together = placed(together, some, INACTIVITY)
      }
      expect(together.sessions).toEqual(placeAll(shuffled).sessions)
      expect(shown(together)).toEqual(plainly(visits))
    }
  })

  test('sessions that a new event leaves as they were stay the very same', () => {
    const visits = randomVisits(seeded('same'), 400)
    const [late] = visits.splice(200, 1)
    const before = placed(emptyDay('v', '2026-01-01', 'first'), visits, INACTIVITY)
    const after = placed(before, [late!], INACTIVITY)
    const changed = after.sessions.filter((session, i) => session !== before.sessions[i])
    const isRenumbered = after.sessions.length !== before.sessions.length
    expect(isRenumbered || changed.length <= 2).toBe(true)
    expect(after.sessions.slice(0, 3)).toEqual(before.sessions.slice(0, 3))
    expect(after.sessions[0]).toBe(before.sessions[0])
  })

  test('an event in order rewrites the last chunk alone', () => {
    const visits = randomVisits(seeded('last chunk'), 1_100)
    const before = placeAll(visits.slice(0, -1))
    const after = placed(before, [visits.at(-1)!], INACTIVITY)
    const isKept = after.chunks.map((chunk, i) => chunk === before.chunks[i])
    expect(isKept).toEqual(after.chunks.map((_, i) => i < after.chunks.length - 1))
    expect(isKept.length).toBeGreaterThan(2)
  })

  test('an event with a known id changes nothing, whatever else it says', () => {
    const day = placeAll(Array.from({ length: 3 * CHUNK }, (_, i) => ({ id: `e${i}`, ts: i, page: '/' })))
    for (const known of [0, CHUNK, 3 * CHUNK - 1]) {
      const other = { id: `e${known}`, ts: 5_000, page: '/other', source: { source: 'google' } }
      expect(placed(day, [other], INACTIVITY)).toBe(day)
    }
  })

  describe('with more events than it keeps', () => {
    const visits = Array.from({ length: DAY_VISITS + 300 }, (_, i) => ({
      ...{ id: `e${i}`, ts: 1_000 * i, page: `/p${i % 3}` },
      ...(i % 700 === 5 && { source: { source: `s${i}` } }),
    }))
    const whole = placed(emptyDay('v', '2026-01-01', 'first'), visits.slice(0, DAY_VISITS), INACTIVITY)

    test('holds the smallest, whatever their order, and says so in its last session', () => {
      let day = emptyDay('v', '2026-01-01', 'first')
      const shuffled = seeded('bound').shuffle([...visits, ...visits.slice(0, 500)])
      for (let i = 0; i < shuffled.length; i += 1_000) day = placed(day, shuffled.slice(i, i + 1_000), INACTIVITY)
      expect(day.chunks.flat()).toEqual(visits.slice(0, DAY_VISITS))
      expect(day.sessions.filter(({ truncated }) => truncated)).toEqual([day.sessions.at(-1)])
      expect(day.sessions.map(({ truncated: _, ...session }) => session)).toEqual(whole.sessions)
    })

    test('says nothing while all of them fit', () => {
      expect(whole.sessions.some(session => 'truncated' in session)).toBe(false)
      expect('truncated' in whole).toBe(false)
    })

    test('changes nothing more by events that are out', () => {
      const full = placed(whole, [visits[DAY_VISITS]!], INACTIVITY)
      expect(full.sessions.at(-1)!.truncated).toBe(true)
      expect(placed(full, visits.slice(DAY_VISITS), INACTIVITY)).toBe(full)
      expect(placed(full, [visits[0]!, visits[DAY_VISITS + 1]!], INACTIVITY)).toBe(full)
    })
  })

  test('a day that is no longer the first is opened by the day', () => {
    const day = placeAll([{ id: 'a', ts: 1, page: '/' }])
    expect(reopened(day, 'day').sessions.map(({ openedBy }) => openedBy)).toEqual(['day'])
  })
})

describe('a session id', () => {
  test.each([
    'v',
    'v-2026-01-01',
    'v-2026-01-01#2',
    'a\u{1f600}#3',
    '-',
  ])('of visitor %j can be read again', visitorId => {
    for (const index of [1, 2, 12]) {
      expect(parseSessionId(sessionId(visitorId, '2026-01-02', index))).toEqual({ visitorId, day: '2026-01-02', index })
    }
  })

  test.each(['', 'v', '2026-01-01', 'v-2026-01-01#1', 'v-2026-01-01#0', 'v-2026-01-01#'])('is not %j', text => {
    expect(parseSessionId(text)).toBeNull()
  })
})

describe('the local day', () => {
  test('follows the zone, also when its clocks change', () => {
    expect(localDay(Date.UTC(2026, 2, 28, 22, 59, 59, 999), 'Europe/Paris')).toBe('2026-03-28')
    expect(localDay(Date.UTC(2026, 2, 28, 23), 'Europe/Paris')).toBe('2026-03-29')
    expect(localDay(Date.UTC(2026, 2, 29, 21, 59, 59, 999), 'Europe/Paris')).toBe('2026-03-29')
    expect(localDay(Date.UTC(2026, 2, 29, 22), 'Europe/Paris')).toBe('2026-03-30')
    expect(localDay(Date.UTC(2026, 0, 1, 18, 14, 59, 999), 'Asia/Kathmandu')).toBe('2026-01-01')
    expect(localDay(Date.UTC(2026, 0, 1, 18, 15), 'Asia/Kathmandu')).toBe('2026-01-02')
  })
})

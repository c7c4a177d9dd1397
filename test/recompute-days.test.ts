import { describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { dayAt, inactivityOn, type RuleChange, type VisitorRules } from '../machines/day-rules.ts'
import { localDay } from '../machines/local-day.ts'
import { DAY_VISITS } from '../machines/visits.ts'
import { allRecords } from './support/all-records.ts'
import { MINUTE, NOON, OnePartition, tick } from './support/one-partition.ts'
import { type Random, seeded } from './support/random.ts'
import { DAY, documents, logged, shown, visit } from './support/two-lives.ts'
import { type WebEvent, type WebSession, webSessions } from './support/web-session-oracle.ts'

const HOUR = 60 * MINUTE
const UTC: VisitorRules = { zone: 'UTC', inactivityMs: 30 * MINUTE }
/** Clocks went ahead there on March 29, 2026, at 01:00 UTC. */
const PARIS = 'Europe/Paris'
const SPRING = Date.UTC(2026, 2, 28, 12)

const fact = (kind: string, key: string, facts: object, at = NOON + 30 * DAY): Event => ({
  ...{ kind, key, id: 'r', at, arrival: at },
  ...facts,
})
const rules = (change: RuleChange): Event => fact('rules', '', change)
const anew = (day: string, visitor = 'v'): Event => fact('visitor-day.recompute', visitor, { day })

/** The sessions as documents show them. */
const seen = async () => (await shown()) as unknown as WebSession[]

const one = (): Promise<OnePartition> => OnePartition.claim({ documents })
const expected = (events: WebEvent[], by: VisitorRules) =>
  webSessions(
    events,
    day => inactivityOn(day, by),
    ts => dayAt(ts, by),
  ).sort((a, b) => (a.id < b.id ? -1 : 1))

/** The days that the events are of by these rules, the latest first. */
const daysOf = (events: WebEvent[], by: VisitorRules): string[] =>
  [...new Set(events.map(({ ts }) => dayAt(ts, by)))].sort().reverse()

function randomVisits(random: Random, count: number, days = 4): WebEvent[] {
  return Array.from({ length: count }, (_, i) =>
    visit(`e${i}`, SPRING + 5 * MINUTE * random.int(0, (days * DAY) / (5 * MINUTE)), {
      page: `/p${random.int(0, 3)}`,
      ...(random.chance(0.1) && { source: { source: random.pick(['google', 'direct', 'x']) } }),
    }),
  )
}

describe('a changed inactivity', () => {
  test('cuts the days anew from that of its time on, and leaves the days before as they are', async () => {
    const partition = await one()
    const events = [0, 1].flatMap(n => [0, 20, 40].map(m => visit(`${n}-${m}`, NOON + n * DAY + m * MINUTE)))
    await partition.apply(...events.map(logged))
    const change = { from: NOON + DAY, zone: 'UTC', inactivityMs: 10 * MINUTE }
    await partition.apply(rules(change), anew('2026-01-02'))
    expect(await seen()).toEqual(expected(events, { ...UTC, changes: [change] }))
    expect((await seen()).map(({ id }) => id)).toEqual(['01', '02', '02#2', '02#3'].map(end => `v-2026-01-${end}`))
  })

  test('that joins sessions removes those that are no more, and says so where they were announced', async () => {
    const partition = await one()
    const events = [0, 40, 80].map(m => visit(`${m}`, NOON + m * MINUTE))
    await partition.apply(...events.map(logged), fact('claim', '', { epoch: 1 }, NOON), tick(NOON + DAY, 1))
    const change = { from: NOON, zone: 'UTC', inactivityMs: HOUR }
    await partition.apply(rules(change), anew('2026-01-01'))
    expect(await seen()).toEqual(expected(events, { ...UTC, changes: [change] }))
    const gone = partition.effects.filter(({ payload }) => payload.session === null)
    expect(gone.map(({ payload }) => payload.id)).toEqual(['v-2026-01-01#2', 'v-2026-01-01#3'])
  })
})

describe('a change for some visitors', () => {
  test('leaves to others the day that has begun, also where visits of it are still to come', async () => {
    const partition = await one()
    const today = NOON + 30 * DAY
    const at = (...minutes: number[]) => minutes.map(m => visit(`${m}`, today + m * MINUTE))
    const tomorrow = [0, 40].map(m => visit(`tomorrow-${m}`, today + DAY + m * MINUTE))
    await partition.apply(...at(-80, -40).map(logged))
    const change = { from: NOON, zone: 'UTC', inactivityMs: HOUR, visitors: ['w'], othersFrom: today + MINUTE }
    await partition.apply(rules(change), ...at(5).map(logged), ...tomorrow.map(logged))
    expect((await seen()).map(({ id, eventCount }) => [id, eventCount])).toEqual([
      ['v-2026-01-31', 1],
      ['v-2026-01-31#2', 1],
      ['v-2026-01-31#3', 1],
      ['v-2026-02-01', 2],
    ])
  })

  test('finds a visit that came before it in its day again, though it is of a time after', async () => {
    const partition = await one()
    const today = Date.UTC(2026, 0, 31, 20)
    const ahead = visit('ahead', today + 30_000)
    await partition.apply(logged(ahead))
    const change = { from: NOON, zone: 'Asia/Taipei', inactivityMs: HOUR, visitors: ['w'], othersFrom: today + MINUTE }
    await partition.apply(fact('rules', '', change, today), logged(ahead))
    expect((await seen()).map(({ id, eventCount }) => [id, eventCount])).toEqual([['v-2026-01-31', 1]])
  })
})

describe('a changed zone', () => {
  test('moves visits to the days they are of by now, also where clocks change', async () => {
    const partition = await one()
    // On March 29 the day begins at 23:00 in UTC, and ends at 22:00.
    const hours = [22.9, 23.1, 33, 45.9, 46.1]
    const events = hours.map(h => visit(`${h}`, Date.UTC(2026, 2, 28) + h * HOUR))
    await partition.apply(...events.map(logged))
    const change = { from: 0, zone: PARIS, inactivityMs: UTC.inactivityMs }
    await partition.apply(rules(change), anew('2026-03-29'), anew('2026-03-28'))
    expect(await seen()).toEqual(expected(events, { ...UTC, changes: [change] }))
    expect(new Set((await seen()).map(({ day }) => day))).toEqual(new Set(['2026-03-28', '2026-03-29', '2026-03-30']))
  })

  test('leaves nothing of a day that all visits have left, and opens the visitor with the next', async () => {
    const partition = await one()
    const events = [visit('a', NOON + 9 * HOUR), visit('b', NOON + DAY)]
    await partition.apply(...events.map(logged))
    const change = { from: 0, zone: 'Asia/Taipei', inactivityMs: UTC.inactivityMs }
    await partition.apply(rules(change), anew('2026-01-02'), anew('2026-01-01'))
    expect(await seen()).toEqual(expected(events, { ...UTC, changes: [change] }))
    expect((await seen()).map(({ openedBy, day }) => [openedBy, day])).toEqual([
      ['first', '2026-01-02'],
      ['inactivity', '2026-01-02'],
    ])
    await partition.restart()
    const early = visit('c', NOON)
    await partition.apply(logged(early))
    expect(await seen()).toEqual(expected([...events, early], { ...UTC, changes: [change] }))
  })

  test('finds what is sent again in the day that it is of, before the change and behind it', async () => {
    const random = seeded('sent again')
    for (const zone of ['Asia/Taipei', 'America/New_York', 'Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
      const visitor = `v-${zone}`
      const partition = await one()
      const events = randomVisits(random, 60).map(each => ({ ...each, sessionId: visitor }))
      await partition.apply(...events.map(logged))
      const change = { from: SPRING + 2 * DAY, zone, inactivityMs: 20 * MINUTE }
      const days = daysOf(events, UTC)
      await partition.apply(rules(change), ...days.map(day => anew(day, visitor)))
      const by = { ...UTC, changes: [change] }
      const own = async () => (await seen()).filter(({ visitorId }) => visitorId === visitor)
      expect(await own(), zone).toEqual(expected(events, by))
      await partition.apply(...random.shuffle(events).map(logged))
      expect(await own(), zone).toEqual(expected(events, by))
    }
  })

  test('costs no visit of a full day whose visits make room', async () => {
    const partition = await one()
    const evening = NOON + 9 * HOUR
    const full = Array.from({ length: DAY_VISITS }, (_, i) => visit(`f${i}`, evening + DAY + i))
    const before = Array.from({ length: 10 }, (_, i) => visit(`b${i}`, evening + i))
    const all = [...full, ...before].map(logged)
    await partition.applyTogether(...Array.from({ length: 21 }, (_, i) => all.slice(i * 1_000, (i + 1) * 1_000)))
    const change = { from: 0, zone: 'Asia/Taipei', inactivityMs: UTC.inactivityMs }
    await partition.apply(rules(change), anew('2026-01-02'), anew('2026-01-01'))
    const counts = (await seen()).map(({ id, eventCount }) => [id, eventCount])
    expect(counts).toEqual([
      ['v-2026-01-02', 10],
      ['v-2026-01-03', DAY_VISITS],
    ])
  })
})

describe('a recomputation', () => {
  test('by the same rules shows all again, changes nothing and says nothing', async () => {
    const partition = await one()
    const events = randomVisits(seeded('rewind'), 300)
    await partition.apply(...events.map(logged), fact('claim', '', { epoch: 1 }, NOON), tick(NOON + 200 * DAY, 1))
    const [before, said] = [await seen(), partition.effects.length]
    const written = partition.writes.length
    const days = daysOf(events, UTC)
    await partition.apply(...days.map(day => anew(day)))
    expect(await seen()).toEqual(before)
    expect(partition.effects.length).toBe(said)
    const again = new Set(partition.writes.slice(written).map(({ id }) => id))
    expect(before.filter(({ id }) => !again.has(id))).toEqual([])
    expect((await partition.view('visitor', 'v')).context).toMatchObject({ open: {}, deadline: null })
  })

  test('of a day that is not there, or of a visitor who is not, does nothing', async () => {
    const partition = await one()
    await partition.apply(logged(visit('a', NOON)), anew('2026-01-02'), anew('2026-01-01', 'nobody'))
    expect(await seen()).toEqual(expected([visit('a', NOON)], UTC))
    expect(partition.partition.parking.list()).toEqual([])
  })

  test('for some visitors leaves the past of the others as it is', async () => {
    const partition = await one()
    const of = (sessionId: string) => [0, 20, 40].map(m => visit(`${m}`, NOON + m * MINUTE, { sessionId }))
    await partition.apply(...[...of('v'), ...of('w')].map(logged))
    const change = { from: 0, zone: 'UTC', inactivityMs: 10 * MINUTE, visitors: ['v'] }
    await partition.apply(rules(change), anew('2026-01-01', 'v'), anew('2026-01-01', 'w'))
    const by = { ...UTC, changes: [{ ...change, from: 0 }] }
    expect(await seen()).toEqual([...expected(of('v'), by), ...expected(of('w'), UTC)])
    const later = (sessionId: string) => [0, 20].map(m => visit(`l${m}`, NOON + 40 * DAY + m * MINUTE, { sessionId }))
    await partition.apply(...later('w').map(logged))
    const day = (await seen()).filter(session => session.day > '2026-01-31')
    expect(day.map(({ openedBy }) => openedBy)).toEqual(['day', 'inactivity'])
  })

  test('has the days at hand that the new rules ask for, also where they come with the events in one reading', async () => {
    const partition = await one()
    const events = [visit('a', NOON), visit('b', NOON + 9 * HOUR), visit('c', NOON + DAY), visit('d', NOON + 9 * DAY)]
    await partition.apply(...events.map(logged))
    await partition.restart()
    const change = { from: 0, zone: 'Asia/Taipei', inactivityMs: UTC.inactivityMs }
    const late = visit('e', NOON + 10 * HOUR)
    await partition.applyTogether([rules(change)], [logged(late)], [anew('2026-01-01')])
    await partition.apply(anew('2026-01-02'), anew('2026-01-10'))
    expect(await seen()).toEqual(expected([...events, late], { ...UTC, changes: [change] }))
  })

  test('ends alike however it is cut, batched and repeated', async () => {
    const random = seeded('recomputed histories')
    const zones = ['UTC', PARIS, 'Asia/Taipei', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Kiritimati']
    for (let round = 0; round < 60; round++) {
      const events = randomVisits(random, random.int(1, 80))
      const half = random.int(0, events.length)
      const log: Event[] = events.slice(0, half).map(logged)
      let changes: RuleChange[] = []
      for (let n = random.int(1, 3); n > 0; n--) {
        const by = { ...UTC, ...(changes.length > 0 && { changes }) }
        const from = random.pick([0, SPRING + random.int(0, 4 * DAY)])
        const change = { from, zone: random.pick(zones), inactivityMs: random.int(5, 60) * MINUTE }
        changes = [...changes, change]
        log.push(rules(change), ...daysOf(events, by).map(day => anew(day)))
        if (random.chance(0.5)) log.push(...events.slice(0, half).map(logged))
      }
      log.push(...random.shuffle(events).map(logged))
      const plain = await OnePartition.claim()
      await plain.apply(...log)
      const other = await OnePartition.claim()
      for (let rest = log; rest.length > 0; ) {
        const some = rest.slice(0, random.int(1, 20))
        rest = rest.slice(some.length)
        await other.applyTogether(...some.map(event => [event]))
        if (random.chance(0.3)) await other.restart()
      }
      const records = async ({ store, partition }: OnePartition) => allRecords(store, partition.claim)
      const [a, b] = [await records(plain), await records(other)]
      for (const all of [a, b]) for (const name of all.keys()) if (name.startsWith('["documents"')) all.delete(name)
      expect(b, `round ${round}`).toEqual(a)
      expect(sessionsIn(plain)).toEqual(expected(events, { ...UTC, changes }).map(brief))
    }
  })
})

const brief = ({ id, openedBy, firstEventAt, lastEventAt, eventCount, pageViews }: WebSession) => ({
  ...{ id, openedBy, firstEventAt, lastEventAt, eventCount, pageViews },
})

/** The sessions that the partition's writes leave behind. */
function sessionsIn({ writes }: OnePartition) {
  const all = new Map<string, object | null>()
  for (const { collection, id, set } of writes) if (collection === 'web-sessions') all.set(id, set)
  const left = [...all].flatMap(([id, set]) => (set ? [{ id, ...set } as unknown as WebSession] : []))
  return left.map(brief).sort((a, b) => (a.id < b.id ? -1 : 1))
}

describe('the day of a visit', () => {
  test('never goes back, however zones follow one another', () => {
    const random = seeded('layers')
    const zones = ['UTC', PARIS, 'Asia/Taipei', 'Pacific/Pago_Pago', 'Pacific/Kiritimati']
    for (let round = 0; round < 100; round++) {
      const changes = Array.from({ length: random.int(1, 4) }, () => ({
        ...{ from: SPRING + random.int(0, 4 * DAY), zone: random.pick(zones), inactivityMs: 1 },
      }))
      const days = Array.from({ length: 6 * 24 }, (_, h) => dayAt(SPRING - DAY + h * HOUR, { ...UTC, changes }))
      expect(days).toEqual([...days].sort())
      expect(days[0]).toBe(localDay(SPRING - DAY, 'UTC'))
    }
  })

  test.each([
    { zone: 'Nowhere/Land' },
    { from: -1 },
    { from: 'x' },
    { inactivityMs: -1 },
    { visitors: [''] },
  ])('is left to the rules there are by a change with %j', async wrong => {
    const partition = await one()
    await partition.apply(rules({ from: 0, zone: PARIS, inactivityMs: 1, ...wrong } as RuleChange))
    await partition.apply(logged(visit('a', Date.UTC(2026, 0, 1, 23, 30))))
    expect((await seen()).map(({ day }) => day)).toEqual(['2026-01-01'])
  })
})

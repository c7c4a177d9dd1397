import { describe, expect, test } from 'vitest'
import type { Part } from '../actors/index.ts'
import { changedRecords, withRecord } from '../actors/visitor-day-records.ts'
import { standing, type VisitorDay } from '../machines/visitor-day.ts'
import { emptyDay, placed, type Visit } from '../machines/web-sessions.ts'
import { seeded } from './support/random.ts'

const rules = { zone: 'UTC', inactivityMs: 1_800_000 }
const empty: VisitorDay = { ...emptyDay('v', '2026-01-01', 'first'), standings: [] }

/** Half of them open a session. */
const visitsOf = (count: number): Visit[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ id: `e${i}`, ts: i * 1_000, page: '/' },
    ...(i % 2 === 0 && { source: { source: `s${i}` } }),
  }))

const grown = (day: VisitorDay, visits: Visit[], arrival: number): VisitorDay =>
  standing(day, placed(day, visits, rules.inactivityMs), arrival, rules)

/** A checkpoint of one day. */
class Records {
  readonly held = new Map<string, Part>()

  put(parts: Part[]): number {
    for (const part of parts) {
      if (part.value === undefined) this.held.delete(part.names.join('/'))
      else this.held.set(part.names.join('/'), structuredClone(part))
    }
    return parts.length
  }

  load(order: (parts: Part[]) => Part[] = parts => parts): VisitorDay {
    const parts = order([...this.held.values()])
    return parts.reduce<VisitorDay | undefined>((day, { names, value }) => withRecord(day, names[2], value), undefined)!
  }
}

describe("the records of a visitor's day", () => {
  test('bring it back as it was, in whatever order they are loaded', () => {
    const random = seeded('records')
    const records = new Records()
    let day: VisitorDay | undefined
    const visits = random.shuffle(visitsOf(3_000))
    for (let i = 0; i < visits.length; i += 500) {
      const next: VisitorDay = grown(day ?? empty, visits.slice(i, i + 500), i)
      records.put(changedRecords(day?.day ?? next.day, day, next))
      day = next
      expect(records.load(parts => random.shuffle(parts))).toEqual(day)
    }
  })

  test('are few where an event comes in order, however long the day is', () => {
    const visits = visitsOf(4_001)
    const before = grown(empty, visits.slice(0, -1), 1)
    const after = grown(before, visits.slice(-1), 2)
    const last = String(after.chunks.length - 1)
    expect(changedRecords('d', before, after).map(({ names }) => names.slice(2).join())).toEqual(['', last, 's7'])
  })

  test('go when the day does, and when it has fewer of them', () => {
    const records = new Records()
    const long = grown(empty, visitsOf(2_000), 1)
    const short = grown(empty, visitsOf(300), 1)
    records.put(changedRecords('d', undefined, long))
    records.put(changedRecords('d', long, short))
    expect(records.load()).toEqual(short)
    records.put(changedRecords('d', short, undefined))
    expect([...records.held.keys()]).toEqual([])
  })

  test('of the first version, with the sessions in the head, are read, and written anew as a whole', () => {
    const day = grown(empty, visitsOf(1_000), 1)
    const records = new Records()
    records.put(changedRecords('d', undefined, day).filter(({ names }) => !names[2]?.startsWith('s')))
    const { chunks, ...head } = day
    records.put([{ names: ['day', 'd'], value: { ...head, chunks: chunks.length } }])
    const loaded = records.load()
    expect(loaded).toEqual({ ...day, isInline: true })
    const after = grown(loaded, [{ id: 'late', ts: 999_500, page: '/' }], 2)
    records.put(changedRecords('d', loaded, after))
    expect(records.load()).toEqual(after)
    expect(after).toEqual(grown(day, [{ id: 'late', ts: 999_500, page: '/' }], 2))
  })
})

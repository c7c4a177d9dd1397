import { beforeEach, describe, expect, test } from 'vitest'
import { viewer } from '../actors/viewer.ts'
import { type ViewerContext, WINDOW_MS } from '../machines/viewer.ts'
import { AudienceCounters, type CounterRecord, FREEZE_MS } from '../src/audience/counters.ts'
import { seeded } from './support/random.ts'

const T = 1_700_000_000_000
const heartbeat = (at: number, stream?: string) => ({
  ...{ kind: 'heartbeat', key: 'u', id: '', at, arrival: at },
  stream: stream ?? null,
})

let counters: AudienceCounters
beforeEach(() => {
  counters = new AudienceCounters()
})

const missing = (beat: ReturnType<typeof heartbeat>, streams: string[]): string[][] =>
  viewer.tallyRecords!({ streams } as Partial<ViewerContext> as ViewerContext, beat).filter(
    names => !counters.isAtHand(names),
  )

describe('who is alive', () => {
  test('is counted up to 65 s after the newest beat', () => {
    counters.moved('u', null, { at: T, stream: null })
    expect([counters.alive(T), counters.alive(T + 65_000), counters.alive(T + 66_000)]).toEqual([1, 1, 0])
  })

  test('is counted to the second', () => {
    counters.moved('u', null, { at: T + 400, stream: null })
    expect([counters.alive(T + 65_999), counters.alive(T + 66_000)]).toEqual([1, 0])
  })

  test('is counted once, however often they beat', () => {
    for (let beat = 1; beat <= 3; beat++) {
      counters.moved('u', beat === 1 ? null : { at: T + beat - 1, stream: null }, { at: T + beat, stream: null })
    }
    expect(counters.alive(T + 10)).toBe(1)
  })

  test('is counted on the stream of the newest beat alone', () => {
    counters.moved('u', null, { at: T, stream: 's1' })
    counters.moved('u', { at: T, stream: 's1' }, { at: T + 1_000, stream: 's2' })
    expect([counters.alive(T + 1_000, 's1'), counters.alive(T + 1_000, 's2')]).toEqual([0, 1])
  })

  test('is on no stream after a beat on another page', () => {
    counters.moved('u', null, { at: T, stream: 's1' })
    counters.moved('u', { at: T, stream: 's1' }, { at: T + 1_000, stream: null })
    expect([counters.alive(T + 1_000, 's1'), counters.alive(T + 1_000)]).toEqual([0, 1])
  })

  test('counts again when back after a long time', () => {
    const [old, back] = [
      { at: T, stream: 's1' },
      { at: T + 900_000, stream: 's1' },
    ]
    counters.moved('u', null, old)
    counters.evict(back.at, back.at)
    counters.moved('u', old, back)
    counters.moved('v', null, back)
    expect([counters.alive(back.at), counters.alive(back.at, 's1')]).toEqual([2, 2])
  })

  test('is still counted when the others are forgotten', () => {
    counters.moved('u', null, { at: T, stream: 's1' })
    counters.moved('v', null, { at: T + 60_000, stream: 's1' })
    counters.evict(T + 100_000, T + 100_000)
    expect([counters.alive(T + 100_000), counters.alive(T + 100_000, 's1')]).toEqual([1, 1])
  })

  test('is news, the newest presence of each', () => {
    counters.moved('u', null, { at: T, stream: 's1' })
    counters.moved('u', { at: T, stream: 's1' }, { at: T + 1, stream: null })
    expect([...counters.take().news.present]).toEqual([['u', { userId: 'u', at: T + 1, stream: null }]])
    expect(counters.take().news.present.size).toBe(0)
  })
})

describe('attendance', () => {
  test('is counted in all and on each stream', () => {
    counters.attended('u', null)
    counters.attended('v', null)
    counters.attended('u', 's1')
    expect([counters.totals.attendance, counters.attendanceOf('s1'), counters.attendanceOf('s2')]).toEqual([
      2,
      1,
      undefined,
    ])
  })

  test('is news, with the streams on which anybody was', () => {
    counters.attended('u', null)
    counters.arrived('s1', T)
    counters.attended('u', 's1')
    const first = counters.take().news
    expect(first.attended).toEqual([
      [null, 'u'],
      ['s1', 'u'],
    ])
    expect(first.streams).toEqual(new Map([['s1', T]]))
    counters.attended('v', 's1')
    counters.arrived('s1', T + 1)
    expect(counters.take().news.streams).toEqual(new Map([['s1', T + 1]]))
    expect(counters.take().news).toEqual({ present: new Map(), heard: [], attended: [], streams: new Map() })
  })

  test('freezes 24 h of partition time after the last arrival, to the ms', () => {
    counters.arrived('s1', T)
    expect([counters.isFrozen('s1', T + FREEZE_MS - 1), counters.isFrozen('s1', T + FREEZE_MS)]).toEqual([false, true])
  })

  test('is kept from freezing by a later arrival, not by an earlier one', () => {
    counters.arrived('s1', T + 1_000)
    counters.arrived('s1', T)
    expect(counters.isFrozen('s1', T + FREEZE_MS)).toBe(false)
  })

  test('is not frozen on a stream nobody knows', () => {
    expect(counters.isFrozen('s1', T)).toBe(false)
  })
})

describe('a window', () => {
  const record = () => counters.take().records.find(({ names }) => names[0] === 'window')?.value

  test('counts a viewer once, in each group and in the country', () => {
    counters.applying = 6
    counters.counted(T, 'TW', ['a', 'b'], 1)
    counters.applying = 7
    counters.counted(T, 'TW', ['b'], 1)
    expect(record()).toEqual({
      ...{ timestamp: T, viewerCount: 2, seq: 7 },
      ...{
        countByUserGroup: [
          ['a', 1],
          ['b', 2],
        ],
        countByViewingCountry: [['TW', 2]],
      },
    })
  })

  test('keeps nothing of a cohort that moved elsewhere', () => {
    counters.counted(T, 'TW', ['a', 'b'], 1)
    counters.counted(T, 'TW', ['a', 'b'], -1)
    counters.counted(T, 'JP', ['b'], 1)
    expect(record()).toEqual({
      ...{ timestamp: T, viewerCount: 1, seq: 0 },
      ...{ countByUserGroup: [['b', 1]], countByViewingCountry: [['JP', 1]] },
    })
  })
})

describe('the records', () => {
  test('are those that changed since they were last taken', () => {
    counters.attended('u', null)
    counters.attended('u', 's1')
    counters.take()
    counters.tooLate()
    expect(counters.take().records).toEqual([{ names: ['totals'], value: { attendance: 1, tooLate: 1, newest: 0 } }])
    expect(counters.take().records).toEqual([])
  })

  test('that a heartbeat needs and that are not at hand are missing', () => {
    counters.attended('u', 's1')
    counters.counted(T - (T % WINDOW_MS), 'TW', [], 1)
    expect(missing(heartbeat(T, 's1'), ['s1', 's2'])).toEqual([])
    expect(missing(heartbeat(T - WINDOW_MS, 's3'), ['s1', 's2'])).toEqual([
      ...[
        ['stream', 's3'],
        ['stream', 's2'],
        ['window', String(T - (T % WINDOW_MS) - WINDOW_MS)],
      ],
    ])
  })

  test('of a window later than any is missing nowhere, unless they were written by who did not know that', () => {
    counters.counted(T - (T % WINDOW_MS), 'TW', [], 1)
    expect(missing(heartbeat(T + WINDOW_MS), [])).toEqual([])
    counters.restore({ names: ['totals'], value: { attendance: 1, tooLate: 0 } })
    expect(missing(heartbeat(T + WINDOW_MS), [])).toHaveLength(1)
  })

  test('of frozen streams are forgotten once they were taken, not before', () => {
    counters.attended('u', 's1')
    counters.arrived('s1', T)
    counters.evict(T + FREEZE_MS, T)
    expect(counters.streams).toEqual(['s1'])
    counters.take()
    counters.evict(T + FREEZE_MS, T + 10_000)
    expect(counters.streams).toEqual([])
  })

  test('are forgotten also after the clock went back', () => {
    counters.evict(T, T + 3_600_000)
    counters.attended('u', 's1')
    counters.arrived('s1', T)
    counters.take()
    counters.evict(T + FREEZE_MS, T)
    expect(counters.streams).toEqual([])
  })

  test('are the same with evictions as without, whenever they are taken', () => {
    const random = seeded('evictions')
    const never = new AudienceCounters()
    const kept = new Map<string, CounterRecord>()
    const take = (from: AudienceCounters, to: Map<string, CounterRecord>) => {
      for (const record of from.take().records) to.set(record.names.join(' '), structuredClone(record))
    }
    let forgotten = 0
    for (let step = 0, time = T; step < 20_000; step++) {
      time += random.int(0, 60_000)
      const [stream, at] = [`s${random.int(0, 50) + Math.floor(step / 200)}`, time - random.int(0, 2_000) * WINDOW_MS]
      for (const names of missing(heartbeat(at, stream), [])) {
        const record = kept.get(names.join(' '))
        if (record) counters.restore(structuredClone(record))
        if (record) forgotten++
      }
      const [window, by] = [at - (at % WINDOW_MS), random.chance(0.8) ? 1 : -1] as const
      const [country, groups] = [random.pick(['TW', 'JP', 'ZZ']), random.pick([[], ['a'], ['a', 'b']])]
      expect([step, counters.isFrozen(stream, time)]).toEqual([step, never.isFrozen(stream, time)])
      for (const each of [counters, never]) {
        each.counted(window, country, groups, by)
        if (!each.isFrozen(stream, time)) each.attended('u', stream)
        each.arrived(stream, time)
      }
      if (random.chance(0.01)) take(counters, kept)
      if (random.chance(0.01)) counters.evict(time, time)
    }
    take(counters, kept)
    const expected = new Map<string, CounterRecord>()
    take(never, expected)
    expect(forgotten).toBeGreaterThan(100)
    expect(kept).toEqual(expected)
  })
})

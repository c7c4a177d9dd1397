import { describe, expect, test } from 'vitest'
import { KINDS } from '../actors/kinds.ts'
import type { Beat, Show, ViewerContext } from '../machines/viewer.ts'
import { Transitions } from '../src/partition/transitions.ts'
import { statistics, viewingSessions } from './support/heartbeat-oracle.ts'
import { seeded } from './support/random.ts'

const kind = KINDS.find(({ kind }) => kind === 'viewer')!
const rules = { gapMs: 300_000, lateMs: 3_600_000 }
const NOON = Date.UTC(2026, 0, 1, 12)

/** A viewer of its own, with what it said. */
function viewer() {
  const transitions = new Transitions()
  const live = { kind, snapshot: transitions.initial(kind) }
  const said: string[] = []
  const tell = (event: { type: string; [fact: string]: unknown }) => {
    const step = transitions.step(live, { ...event, rules })
    live.snapshot = step.snapshot
    said.push(...step.said.map(({ type }) => type))
  }
  return {
    said,
    beat: (at: number, beat: Partial<Beat> = {}, show: Show | null = null) =>
      tell({
        type: 'heartbeat',
        beat: { at, path: '/', stream: null, country: 'ZZ', groups: [], ...beat },
        show,
        arrival: at,
        frozen: [],
      }),
    deadline: (at: number) => tell({ type: 'deadline', at }),
    get context(): ViewerContext {
      return live.snapshot.context
    },
    get state() {
      return live.snapshot.value
    },
  }
}

describe('a viewer', () => {
  test('has the same runs and cohorts whatever the order and repetition of its beats within the lateness', () => {
    const random = seeded('viewer')
    for (let round = 0; round < 200; round++) {
      const beats = Array.from({ length: random.int(1, 60) }, () => ({
        userId: 'u',
        at: NOON + random.int(0, 3_600_000),
        path: random.pick(['/', '/sessions/a', '/live/b']),
        country: random.pick(['TW', 'FR']),
        groups: random.pick([[], ['a'], ['a', 'b']]),
      }))
      const one = viewer()
      for (const { at, ...beat } of random.shuffle([...beats, ...beats.filter(() => random.chance(0.3))]))
        one.beat(at, beat)
      expect(one.context.runs.map(({ start, end }) => ({ id: `u-${start}`, start, end }))).toEqual(
        viewingSessions(beats).get('u'),
      )
      const windows = one.context.cohorts.map(({ window, country, groups }) => [window, country, [...groups]])
      expect(windows).toEqual(
        statistics(beats).map(record => [
          record.timestamp,
          Object.keys(record.countByViewingCountry)[0],
          Object.keys(record.countByUserGroup).sort(),
        ]),
      )
    }
  })

  test('joins two beats with a gap of exactly five minutes, not of one millisecond more', () => {
    const one = viewer()
    for (const at of [NOON, NOON + 300_000, NOON + 600_001]) one.beat(at)
    expect(one.context.runs.map(({ start, end }) => [start - NOON, end - NOON])).toEqual([
      [0, 300_000],
      [600_001, 600_001],
    ])
  })

  test('says of a beat behind its lateness that it came too late, and changes nothing', () => {
    const one = viewer()
    one.beat(NOON)
    const { runs, cohorts, last } = one.context
    one.beat(NOON - 3_600_001)
    expect(one.said).toEqual(['heartbeat.too-late'])
    expect([one.context.runs, one.context.cohorts, one.context.last]).toEqual([runs, cohorts, last])
  })

  test('takes a beat exactly at its lateness', () => {
    const one = viewer()
    one.beat(NOON)
    one.beat(NOON - 3_600_000)
    expect(one.context.runs).toHaveLength(2)
  })

  test('keeps no run and no window that no beat can touch any more', () => {
    const one = viewer()
    for (let at = NOON; at < NOON + 86_400_000; at += 600_000) one.beat(at)
    expect([one.context.runs.length, one.context.cohorts.length]).toEqual([7, 7])
  })

  test('is where its newest beat says, by code unit of the path when two are equally new', () => {
    const one = viewer()
    one.beat(NOON, { path: '/b' })
    one.beat(NOON, { path: '/a' })
    expect(one.context.last?.path).toBe('/b')
  })

  test('attends no stream that is frozen, and forgets those that froze', () => {
    const transitions = new Transitions()
    const told = (snapshot: ReturnType<Transitions['initial']>, stream: string, frozen: string[]) => {
      const beat = { at: NOON, path: `/live/${stream}`, stream, country: 'ZZ', groups: [] }
      const live = { kind, snapshot }
      return transitions.step(live, { type: 'heartbeat', beat, show: null, arrival: NOON, frozen, rules } as {
        type: string
      }).snapshot
    }
    const first = told(transitions.initial(kind), 'old', [])
    expect(told(told(first, 'new', ['old']), 'dead', ['dead']).context.streams).toEqual(['new'])
  })

  test('asks at its deadline for its grown run to be written, and goes away when no beat can follow', () => {
    const one = viewer()
    one.beat(NOON)
    one.beat(NOON + 30_000)
    const { deadline } = one.context
    expect([one.state, deadline]).toEqual(['watching', NOON + 300_000])
    one.deadline(deadline!)
    expect([one.state, one.context.runs[0]!.written, one.context.deadline]).toEqual([
      'watching',
      NOON + 30_000,
      NOON + 330_000,
    ])
    one.deadline(NOON + 330_000)
    expect([one.state, one.context.deadline]).toEqual(['away', null])
  })

  test('remembers of each show it saw the newest beat, until none may come that would be news of it', () => {
    const one = viewer()
    const [preview, live] = ['preview', 'sd'].map(preset => ({ streamerId: 's', preset }))
    one.beat(NOON, {}, preview)
    one.beat(NOON + 90_000, {}, live)
    one.beat(NOON + 60_000, {}, preview)
    one.beat(NOON + 30_000, {}, live)
    expect(one.context.watched).toEqual([
      { ...preview, at: NOON + 60_000, written: NOON },
      { ...live, at: NOON + 90_000, written: NOON + 90_000 },
    ])
    one.beat(NOON + 60_000 + rules.lateMs)
    expect(one.context.watched).toHaveLength(2)
    one.beat(NOON + 60_001 + rules.lateMs)
    expect(one.context.watched).toMatchObject([live])
  })
})

import { beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { MINUTE, NOON, OnePartition, tick } from './support/one-partition.ts'

const visit = (id: string, ts: number, arrival = ts, more: object = {}): Event => ({
  ...{ kind: 'web-event', key: 'v', id, at: ts, arrival },
  visit: { id, ts, page: `/${id}`, ...more },
})
const beat = (at: number): Event => ({
  ...{ kind: 'heartbeat', key: 'u', id: '', at, arrival: at },
  ...{ path: '/', stream: null, country: 'ZZ', groups: [] },
})

let one: OnePartition

const apply = (...events: Event[]): Promise<void> => one.apply(...events)

const said = () =>
  one.effects.map(({ kind, payload }) => {
    const { session, id } = payload as { session: { id: string; eventCount: number } | null; id?: string }
    return [kind, session?.id ?? id, session?.eventCount ?? null]
  })

beforeEach(async () => {
  one = await OnePartition.claim()
})

describe('a web session', () => {
  test('closes when the tick comes that is past its inactivity, not before', async () => {
    await apply(visit('a', NOON), visit('b', NOON + MINUTE), tick(NOON + 31 * MINUTE - 1))
    expect(said()).toEqual([])
    await apply(tick(NOON + 31 * MINUTE))
    expect(said()).toEqual([['web-session.closed', 'v-2026-01-01', 2]])
  })

  test('of long ago closes ten seconds after its last event arrived', async () => {
    const arrival = NOON + 100 * MINUTE
    await apply(visit('a', NOON, arrival), tick(arrival + 9_999))
    expect(said()).toEqual([])
    await apply(tick(arrival + 10_000))
    expect(said()).toHaveLength(1)
  })

  test('closes once', async () => {
    await apply(visit('a', NOON), tick(NOON + 30 * MINUTE), tick(NOON + 40 * MINUTE))
    expect(said()).toHaveLength(1)
  })

  test('that closed is corrected when a late event changed it', async () => {
    await apply(visit('a', NOON), tick(NOON + 30 * MINUTE), visit('b', NOON + MINUTE, NOON + 40 * MINUTE))
    await apply(tick(NOON + 41 * MINUTE))
    expect(said().slice(1)).toEqual([['web-session.corrected', 'v-2026-01-01', 2]])
  })

  test('that closed is not corrected by an event it has already', async () => {
    await apply(visit('a', NOON), tick(NOON + 30 * MINUTE), visit('a', NOON, NOON + 40 * MINUTE))
    await apply(tick(NOON + 60 * MINUTE))
    expect(said()).toHaveLength(1)
  })

  test('that closed and is gone is corrected to nothing', async () => {
    await apply(visit('a', NOON), visit('c', NOON + 50 * MINUTE), tick(NOON + 90 * MINUTE))
    await apply(visit('b', NOON + 25 * MINUTE, NOON + 91 * MINUTE))
    expect(said().at(-1)).toEqual(['web-session.corrected', 'v-2026-01-01#2', null])
  })

  test('closes after a restart too', async () => {
    await apply(visit('a', NOON))
    await one.restart()
    await apply(tick(NOON + 30 * MINUTE))
    expect(said()).toHaveLength(1)
  })
})

describe('a tick', () => {
  test('of an epoch before the newest claim in the log changes nothing', async () => {
    await apply(visit('a', NOON), { ...tick(NOON), kind: 'claim', epoch: 2 }, tick(NOON + 60 * MINUTE, 1))
    expect(said()).toEqual([])
    await apply(tick(NOON + 60 * MINUTE, 2))
    expect(said()).toHaveLength(1)
  })

  test('that comes from an earlier time does not turn the time of the partition back', async () => {
    await apply(tick(NOON), tick(NOON - MINUTE))
    expect(one.partition.clock.time).toBe(NOON)
  })
})

describe("a viewing session's document", () => {
  const shown = () =>
    one.writes
      .filter(({ collection }) => collection === 'viewing-sessions')
      .map(({ set }) => set && [Number(set.start) - NOON, Number(set.end) - NOON])

  test('is written when it opens, not at each beat', async () => {
    await apply(beat(NOON), beat(NOON + 30_000), beat(NOON + 60_000))
    expect(shown()).toEqual([[0, 0]])
  })

  test('is written every five minutes while it goes on, and when it closed', async () => {
    for (let at = NOON; at <= NOON + 420_000; at += 30_000) await apply(beat(at), tick(at))
    expect(shown()).toEqual([
      [0, 0],
      [0, 300_000],
    ])
    await apply(tick(NOON + 719_999))
    expect(shown().at(-1)).toEqual([0, 420_000])
  })

  test('is as late as it is allowed to be, to the ms', async () => {
    one = await OnePartition.claim({ rules: { writeMs: 10_000 } })
    await apply(beat(NOON), beat(NOON + 9_000), tick(NOON + 9_999))
    expect(shown()).toEqual([[0, 0]])
    await apply(tick(NOON + 10_000))
    expect(shown().at(-1)).toEqual([0, 9_000])
    await apply(beat(NOON + 30_000), tick(NOON + 30_000))
    expect(shown().at(-1)).toEqual([0, 30_000])
  })

  test('is never later than a session may pause, however late it is allowed to be', async () => {
    one = await OnePartition.claim({ rules: { writeMs: 3_600_000 } })
    await apply(beat(NOON), beat(NOON + 60_000), tick(NOON + 299_999))
    expect(shown()).toEqual([[0, 0]])
    await apply(tick(NOON + 300_000))
    expect(shown().at(-1)).toEqual([0, 60_000])
  })

  test('is written when the viewer left and the tick comes after a restart', async () => {
    await apply(beat(NOON), beat(NOON + 30_000))
    await one.restart()
    await apply(tick(NOON + 330_000))
    expect(shown().at(-1)).toEqual([0, 30_000])
  })

  test('says how it ended also if a beat of hours later is the next there is', async () => {
    await apply(beat(NOON), beat(NOON + 30_000), beat(NOON + 3 * 3_600_000))
    expect(shown()).toContainEqual([0, 30_000])
  })

  test('goes when an earlier beat gives the session another start', async () => {
    await apply(beat(NOON), beat(NOON - 30_000))
    expect(one.writes.filter(({ set }) => set === null).map(({ id }) => id)).toEqual([`u-${NOON}`])
  })
})

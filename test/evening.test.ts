import { describe, expect, test } from 'vitest'
import { CombinedLog, type LogEvent } from '../src/cli/replay/combined-log.ts'
import { BEAT_MS, type PlannedBeat, type EveningOptions, planEvening, type Slot } from '../src/cli/evening/evening.ts'
import type { PlannedStream } from '../src/cli/evening/streams.ts'
import { eveningLog } from '../src/cli/evening/visits.ts'

const END = 1_700_000_000_000
const MINUTE_MS = 60_000
const SEED = Number(process.env.ROLLCALL_TEST_SEED ?? Math.floor(Math.random() * 1_000_000))

const options = (changes: Partial<EveningOptions> = {}): EveningOptions => ({
  viewers: 120,
  streamers: 4,
  minutes: 30,
  seed: SEED,
  end: END,
  ...changes,
})
const slotsOf = (changes?: Partial<EveningOptions>): Slot[] => [...planEvening(options(changes)).slots()]
const beatsOf = (changes?: Partial<EveningOptions>): PlannedBeat[] => slotsOf(changes).flatMap(({ beats }) => beats)
const byViewer = (beats: PlannedBeat[]): PlannedBeat[][] => [...Map.groupBy(beats, beat => beat.viewer.id).values()]
const gaps = (times: number[]): number[] => times.slice(1).map((time, index) => time - times[index]!)
const textOf = (changes?: Partial<EveningOptions>): string => {
  const { slots, ...rest } = planEvening(options(changes))
  return JSON.stringify({ ...rest, slots: [...slots()] })
}

describe(`an evening (ROLLCALL_TEST_SEED=${SEED})`, () => {
  test('is the same again for the same seed and end', () => expect(textOf()).toBe(textOf()))

  test('is another one for another seed', () => {
    expect(JSON.stringify(beatsOf())).not.toBe(JSON.stringify(beatsOf({ seed: SEED + 1 })))
  })

  test('does not change for those who are there when one viewer more comes', () => {
    const others = (slots: Slot[]) => {
      const isOther = ({ userId }: { userId: string }) => userId !== 'viewer-00121'
      return slots.map(({ beats, ratings, follows }) => [
        beats.filter(({ viewer }) => viewer.id !== 'viewer-00121'),
        ratings.filter(isOther),
        follows.filter(isOther),
      ])
    }
    expect(JSON.stringify(others(slotsOf({ viewers: 121 })))).toBe(JSON.stringify(others(slotsOf())))
  })

  test('has its heartbeats in time order', () => {
    expect(gaps(beatsOf().map(beat => beat.at)).filter(gap => gap < 0)).toEqual([])
  })

  test('begins its minutes before the end and is over by then', () => {
    const times = beatsOf().map(beat => beat.at)
    expect([times[0]! >= END - 30 * MINUTE_MS, times.at(-1)! <= END]).toEqual([true, true])
  })

  test('lasts until its end: viewers are still there within the last beat', () => {
    expect(beatsOf().at(-1)!.at).toBeGreaterThan(END - BEAT_MS)
  })

  test('has a beat of each present viewer every 30 s', () => {
    const off = byViewer(beatsOf()).flatMap(beats => gaps(beats.map(({ at }) => at)).filter(gap => gap % BEAT_MS !== 0))
    expect(off).toEqual([])
  })

  test('has viewers who leave and come back', () => {
    const left = byViewer(beatsOf()).filter(beats => gaps(beats.map(({ at }) => at)).some(gap => gap > BEAT_MS))
    expect(left.length).toBeGreaterThan(0)
  })

  test('has viewers who change between pages', () => {
    const pages = byViewer(beatsOf()).map(beats => new Set(beats.map(({ page }) => page)).size)
    expect(Math.max(...pages)).toBeGreaterThan(2)
  })

  test('sees every viewer', () => expect(byViewer(beatsOf())).toHaveLength(120))

  test('tags a user with the own country in lower case', () => {
    const { streamers, viewers } = planEvening(options())
    const untagged = [...streamers, ...viewers].filter(
      ({ country, tags }) => !tags.includes(`country:${country.toLowerCase()}`),
    )
    expect(untagged).toEqual([])
  })

  test('has streamers of several countries', () => {
    expect(new Set(planEvening(options({ streamers: 2 })).streamers.map(({ country }) => country)).size).toBe(2)
  })

  test('has a streamer at a place of the global feed', () => {
    const tags = planEvening(options({ streamers: 2 })).streamers.flatMap(({ tags }) => tags)
    expect(tags.filter(tag => /^feed:user_livestream-global:\d$/.test(tag))).toHaveLength(1)
  })

  test('has viewers with devices of both kinds, and more without any', () => {
    const { devices } = planEvening(options({ viewers: 1_000 }))
    const kinds = new Set(devices.map(({ kind }) => kind))
    expect([kinds, new Set(devices.map(({ userId }) => userId)).size < 500]).toEqual([new Set(['fid', 'token']), true])
  })

  test('names three trending creators again and again', () => {
    const named = slotsOf().flatMap(({ trending }) => (trending ? [trending.length] : []))
    expect(named).toEqual([3, 3, 3])
  })

  test('names those first who were watched most', () => {
    const watched = new Map<string, number>()
    for (const { beats, trending } of slotsOf()) {
      const counts = trending?.map(id => watched.get(id) ?? 0) ?? []
      expect(counts).toEqual(counts.toSorted((a, b) => b - a))
      for (const { page } of beats) {
        if (typeof page !== 'string') watched.set(page.streamer.id, (watched.get(page.streamer.id) ?? 0) + 1)
      }
    }
  })

  test('without streamers is spent on the other pages', () => {
    expect(new Set(beatsOf({ streamers: 0 }).map(({ page }) => page))).toEqual(new Set(['/', '/feed']))
  })

  test('without streamers names no creators', () => {
    expect(slotsOf({ streamers: 0 }).flatMap(({ trending }) => trending ?? [])).toEqual([])
  })
})

describe(`the log of an evening (ROLLCALL_TEST_SEED=${SEED})`, () => {
  const eventsOf = (changes?: Partial<EveningOptions>) => {
    const log = new CombinedLog()
    return eveningLog(options(changes)).map(line => log.read(line))
  }
  const events = eventsOf() as LogEvent[]
  const visits = [...Map.groupBy(events, event => event.sessionId).values()]

  test('is the same again for the same seed and end', () => {
    expect(eveningLog(options()).join('\n')).toBe(eveningLog(options()).join('\n'))
  })

  test('has only lines that parse', () => expect(eventsOf().filter(event => 'reason' in event)).toEqual([]))

  test('is in time order', () => expect(gaps(events.map(({ ts }) => ts)).filter(gap => gap < 0)).toEqual([]))

  test('ends by the end', () => expect(Math.max(...events.map(({ ts }) => ts))).toBeLessThanOrEqual(END))

  test('has every visitor', () => expect(visits).toHaveLength(120))

  test('has visitors who come back after more than 30 minutes', () => {
    const back = visits.filter(visit => gaps(visit.map(({ ts }) => ts)).some(gap => gap > 30 * MINUTE_MS))
    expect(back.length).toBeGreaterThan(0)
  })

  test('has some users with a name, and more without', () => {
    const named = visits.filter(visit => visit[0]!.userId !== undefined).length
    expect([named > 0, named < visits.length / 2]).toEqual([true, true])
  })

  test('has visitors who came from elsewhere', () => {
    expect(events.filter(({ referrer }) => referrer?.startsWith('https://www.google.com')).length).toBeGreaterThan(0)
  })
})

/** The plan of a platform's evening: who streams, who watches what and when. Pure: the options decide everything. */
import { type Attendance, attend, type Earning, type Follow, isWatching, type Page, type PlannedRating } from './audience.ts'
import { type PushDevice, type Streamer, streamer, type User } from './people.ts'
import { planStreams, type PlannedStream } from './streams.ts'
import { random } from './random.ts'

export interface EveningOptions {
  viewers: number
  streamers: number
  minutes: number
  seed: number
  /** ms; nothing happens after it */
  end: number
}

export interface PlannedBeat {
  viewer: User
  at: number
  page: Page
}

/** Thirty seconds of the evening: streams end, others begin, and only then comes the rest, in any order. */
export interface Slot {
  ends: PlannedStream[]
  starts: PlannedStream[]
  /** those that leave preview */
  sd: PlannedStream[]
  /** those whose goals are set */
  goals: PlannedStream[]
  /** in time order */
  beats: PlannedBeat[]
  ratings: PlannedRating[]
  follows: Follow[]
  earnings: Earning[]
  /** who is named, if anyone is just now */
  trending: string[] | null
}

export interface Evening {
  streamers: Streamer[]
  viewers: User[]
  devices: PushDevice[]
  streams: PlannedStream[]
  /** the last one is the evening's end */
  slots(): Generator<Slot>
}

export const BEAT_MS = 30_000
const TRENDING_SLOTS = 20
const TRENDING = 3

export function planEvening({ viewers, streamers, minutes, seed, end }: EveningOptions): Evening {
  const slots = Math.floor((minutes * 60_000) / BEAT_MS)
  const live = numbered(streamers, n => streamer(n, random(seed, -n)))
  const streams = planStreams(live, slots, random(seed))
  const audience = numbered(viewers, n => {
    const chance = random(seed, n)
    return { phase: chance.between(0, BEAT_MS - 1), ...attend(n, { streams, slots, seed }, chance) }
  })
  return {
    streamers: live,
    viewers: audience.map(({ user }) => user),
    devices: audience.flatMap(({ devices }) => devices),
    streams,
    *slots() {
      const beats = beatsOf(audience, end - slots * BEAT_MS)
      const ends = bySlot(streams.filter(({ ends }) => ends), ({ until }) => until)
      const starts = bySlot(streams, ({ from }) => from)
      const sd = bySlot(streams, ({ sd }) => sd)
      const goals = bySlot(streams, ({ goals }) => goals?.slot)
      const ratings = bySlot(audience.flatMap(({ ratings }) => ratings), ({ slot }) => slot)
      const follows = bySlot(audience.flatMap(({ follows }) => follows), ({ slot }) => slot)
      const earnings = bySlot(audience.flatMap(({ earnings }) => earnings), ({ slot }) => slot)
      for (let slot = 0; slot <= slots; slot += 1) {
        yield {
          ends: ends(slot),
          starts: starts(slot),
          sd: sd(slot),
          goals: goals(slot),
          beats: beats(slot),
          ratings: ratings(slot),
          follows: follows(slot),
          earnings: earnings(slot),
          trending: slot % TRENDING_SLOTS === 0 && slot < slots ? trending(live, audience, slot) : null,
        }
      }
    },
  }
}

function bySlot<T>(items: T[], slotOf: (item: T) => number | null | undefined): (slot: number) => T[] {
  const groups = Map.groupBy(items, slotOf)
  return slot => groups.get(slot) ?? []
}

/** Beats by slot, to be asked for one slot after the other. */
function beatsOf(audience: (Attendance & { phase: number })[], start: number): (slot: number) => PlannedBeat[] {
  const byPhase = audience.toSorted((a, b) => a.phase - b.phase)
  const next = byPhase.map(() => 0)
  return slot =>
    byPhase.flatMap(({ user, phase, stays }, index) => {
      while (stays[next[index]!] && stays[next[index]!]!.to < slot) next[index]! += 1
      const stay = stays[next[index]!]
      if (!stay || stay.from > slot) return []
      return [{ viewer: user, at: start + slot * BEAT_MS + phase, page: stay.page }]
    })
}

/** Streamers watched most before the slot; before anyone watches, the best known. */
function trending(streamers: Streamer[], audience: Attendance[], slot: number): string[] {
  const watched = new Map(streamers.map(({ id }) => [id, 0]))
  for (const { from, to, page } of audience.flatMap(({ stays }) => stays).filter(isWatching)) {
    const { id } = page.streamer
    watched.set(id, watched.get(id)! + Math.max(0, Math.min(to + 1, slot) - from))
  }
  const ranked = [...watched].toSorted(([, a], [, b]) => b - a)
  return ranked.slice(0, TRENDING).map(([id]) => id)
}

const numbered = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i + 1))

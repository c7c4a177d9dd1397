import type { Presence, Tally } from '../../actors/index.ts'
import type { Seq } from '../log/index.ts'
import { aliveSince } from './alive.ts'
import type { Attended } from './index.ts'
import type { Audience } from './sum.ts'

/** Attendance on a stream is counted until this long after the last beat on it arrived, in partition time. */
export const FREEZE_MS = 86_400_000

const KEEP_WINDOWS = 500
const SWEEP_MS = 10_000

interface Stream {
  attendance: number
  lastArrival: number
}

interface Window {
  /** the entry that changed it last */
  seq: Seq
  viewers: number
  groups: Map<string, number>
  countries: Map<string, number>
}

/** A record of the counters: what it is about, and its content for msgpack. */
export interface CounterRecord {
  names: string[]
  value: unknown
}

export interface StatisticsRecord {
  timestamp: number
  viewerCount: number
  /** pairs, since names may hold what a field name may not */
  countByUserGroup: [string, number][]
  countByViewingCountry: [string, number][]
  /** of the entry that changed it last; records of longest ago have none */
  seq?: Seq
}

/** For the live sets: newest presence by user id, first attendances, and the streams on which somebody was. */
export interface LiveNews {
  present: Map<string, Presence>
  attended: Attended[]
  /** with the last arrival of a beat on each */
  streams: Map<string, number>
}

/** The numbers over all viewers of one partition. Records that are not at hand are loaded before an event needs them. */
export class AudienceCounters implements Tally {
  /** the entry that is applied just now */
  applying: Seq = 0
  #totals = { attendance: 0, tooLate: 0 }
  readonly #streams = new Map<string, Stream>()
  readonly #windows = new Map<number, Window>()
  readonly #alive = new AliveCounter()
  readonly #aliveOn = new Map<string, AliveCounter>()
  #dirty = new Map<string, string[]>()
  #sweptAt = Number.NEGATIVE_INFINITY
  #news = noNews()

  moved(userId: string, from: Presence | null, to: Presence): void {
    this.#news.present.set(userId, to)
    if (from) {
      this.#alive.add(from.at, -1)
      if (from.stream !== null) this.#aliveOn.get(from.stream)?.add(from.at, -1)
    }
    this.#alive.add(to.at, 1)
    if (to.stream === null) return
    let on = this.#aliveOn.get(to.stream)
    if (!on) {
      on = new AliveCounter()
      this.#aliveOn.set(to.stream, on)
    }
    on.add(to.at, 1)
  }

  attended(userId: string, stream: string | null): void {
    this.#news.attended.push([stream, userId])
    if (stream === null) {
      this.#totals.attendance++
      this.#mark('totals')
    } else {
      this.#stream(stream).attendance++
      this.#mark('stream', stream)
    }
  }

  arrived(stream: string, arrival: number): void {
    const known = this.#stream(stream)
    if (arrival <= known.lastArrival) return
    known.lastArrival = arrival
    this.#mark('stream', stream)
  }

  counted(at: number, country: string, groups: readonly string[], by: 1 | -1): void {
    let window = this.#windows.get(at)
    if (!window) {
      window = { seq: 0, viewers: 0, groups: new Map(), countries: new Map() }
      this.#windows.set(at, window)
    }
    window.seq = this.applying
    window.viewers += by
    bump(window.countries, country, by)
    for (const group of groups) bump(window.groups, group, by)
    this.#mark('window', String(at))
  }

  tooLate(): void {
    this.#totals.tooLate++
    this.#mark('totals')
  }

  isFrozen(stream: string, time: number): boolean {
    const known = this.#streams.get(stream)
    return known !== undefined && known.lastArrival + FREEZE_MS <= time
  }

  /** A record is at hand when it is in memory; of the totals it always is. */
  isAtHand([what, name]: string[]): boolean {
    return what === 'stream' ? this.#streams.has(name!) : what !== 'window' || this.#windows.has(Number(name))
  }

  restore({ names: [what, name], value }: CounterRecord): void {
    if (what === 'totals') this.#totals = value as { attendance: number; tooLate: number }
    else if (what === 'stream') this.#streams.set(name!, value as Stream)
    else if (what === 'window') {
      const { viewerCount, countByUserGroup, countByViewingCountry, seq = 0 } = value as StatisticsRecord
      const [groups, countries] = [new Map(countByUserGroup), new Map(countByViewingCountry)]
      this.#windows.set(Number(name), { seq, viewers: viewerCount, groups, countries })
    }
  }

  /** The records that changed since they were last taken, and the news since then. */
  take(): { records: CounterRecord[]; news: LiveNews } {
    const records = [...this.#dirty.values()].map(names => ({ names, value: this.#value(names) }))
    this.#dirty = new Map()
    const news = this.#news
    this.#news = noNews()
    for (const { names, value } of records) {
      if (names[0] === 'stream') news.streams.set(names[1]!, (value as Stream).lastArrival)
    }
    return { records, news }
  }

  /** Forgets frozen streams and all but the newest windows; nothing that changed. `time` is the partition's, `now` the clock's. */
  evict(time: number, now: number): void {
    // A clock that went back must not end the sweeps.
    if (Math.abs(now - this.#sweptAt) < SWEEP_MS) return
    this.#sweptAt = now
    for (const id of this.#streams.keys()) {
      if (this.isFrozen(id, time) && !this.#dirty.has(`stream\n${id}`)) this.#streams.delete(id)
    }
    if (this.#windows.size > 2 * KEEP_WINDOWS) {
      const old = [...this.#windows.keys()].sort((a, b) => b - a).slice(KEEP_WINDOWS)
      for (const at of old) if (!this.#dirty.has(`window\n${at}`)) this.#windows.delete(at)
    }
    this.#alive.since(aliveSince(now))
    for (const [stream, alive] of this.#aliveOn) if (alive.since(aliveSince(now)) === 0) this.#aliveOn.delete(stream)
  }

  /** Viewers whose newest beat is at most 65 s before `now`, to the second. */
  alive(now: number, stream?: string): number {
    return (stream === undefined ? this.#alive : this.#aliveOn.get(stream))?.since(aliveSince(now)) ?? 0
  }

  /** Streams that still count attendance. */
  get streams(): string[] {
    return [...this.#streams.keys()]
  }

  get totals(): { attendance: number; tooLate: number } {
    return this.#totals
  }

  /** In all, and on every stream that still counts attendance. */
  audience(now: number): Audience {
    const all = { alive: this.alive(now), attendance: this.#totals.attendance }
    const streams = [...this.#streams].map(([id, { attendance }]): Audience['bySession'][number] => [
      id,
      { alive: this.alive(now, id), attendance },
    ])
    return { all, bySession: streams }
  }

  /** undefined: the stream's record is not at hand */
  attendanceOf(stream: string): number | undefined {
    return this.#streams.get(stream)?.attendance
  }

  #stream(id: string): Stream {
    let stream = this.#streams.get(id)
    if (!stream) {
      stream = { attendance: 0, lastArrival: 0 }
      this.#streams.set(id, stream)
    }
    return stream
  }

  #mark(...names: string[]): void {
    const key = names.join('\n')
    if (!this.#dirty.has(key)) this.#dirty.set(key, names)
  }

  #value([what, name]: string[]): unknown {
    if (what === 'totals') return { ...this.#totals }
    if (what === 'stream') return { ...this.#streams.get(name!)! }
    const { seq, viewers, groups, countries } = this.#windows.get(Number(name))!
    return {
      timestamp: Number(name),
      viewerCount: viewers,
      countByUserGroup: [...groups],
      countByViewingCountry: [...countries],
      seq,
    } satisfies StatisticsRecord
  }
}

const noNews = (): LiveNews => ({ present: new Map(), attended: [], streams: new Map() })

/** How many viewers had their newest beat in each second. */
class AliveCounter {
  readonly #seconds = new Map<number, number>()

  add(at: number, by: 1 | -1): void {
    const second = Math.floor(at / 1000)
    const count = (this.#seconds.get(second) ?? 0) + by
    if (count > 0) this.#seconds.set(second, count)
    else this.#seconds.delete(second)
  }

  /** Also forgets those before. */
  since(at: number): number {
    const first = Math.floor(at / 1000)
    let count = 0
    for (const [second, viewers] of this.#seconds) {
      if (second >= first) count += viewers
      else this.#seconds.delete(second)
    }
    return count
  }
}

function bump(counts: Map<string, number>, name: string, by: number): void {
  const count = (counts.get(name) ?? 0) + by
  if (count > 0) counts.set(name, count)
  else counts.delete(name)
}

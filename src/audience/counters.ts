import type { Presence, Tally } from '../../actors/index.ts'
import type { Seq } from '../log/index.ts'
import type { AliveCounter } from './alive-counter.ts'
import type { Attended, ViewerPresence } from './index.ts'
import { Present } from './present.ts'
import type { Audience } from './sum.ts'
import { type StatisticsRecord, Window } from './window.ts'

/** Attendance on a stream is counted until this long after the last beat on it arrived, in partition time. */
export const FREEZE_MS = 86_400_000

const KEEP_WINDOWS = 500
const SWEEP_MS = 10_000

/** A stream whose record is at hand. */
export interface Stream {
  readonly id: string
  attendance: number
  lastArrival: number
  /** it changed since it was last taken */
  isDirty: boolean
  /** its record is no longer at hand, or is another one */
  isGone: boolean
  presences?: Presences
}

/** A stream's record. */
interface StreamRecord {
  attendance: number
  lastArrival: number
}

interface Totals {
  attendance: number
  tooLate: number
  /** the newest window there is a record of (ms); records of longest ago do not say */
  newest?: number
}

/** Presences that pulses of viewers who stay where they are count on: a stream, or any other page. */
export interface Presences {
  readonly stream: Stream | null
  readonly on: AliveCounter | null
}

/** A record of the counters: what it is about, and its content for msgpack. */
export interface CounterRecord {
  names: string[]
  value: unknown
}

/** For the live sets: newest presence by user id, first attendances, and the streams on which somebody was. */
export interface LiveNews {
  present: Map<string, ViewerPresence>
  /** viewers as they are whenever somebody looks; none where news are copies, which are in `present` */
  heard: ViewerPresence[]
  attended: Attended[]
  /** with the last arrival of a beat on each */
  streams: Map<string, number>
}

/** The numbers over all viewers of one partition. Records that are not at hand are loaded before an event needs them. */
export class AudienceCounters implements Tally {
  /** the entry that is applied just now */
  applying: Seq = 0
  readonly present = new Present()
  /** beats that came too late, since the claim */
  late = 0
  #totals: Totals = { attendance: 0, tooLate: 0, newest: 0 }
  readonly #streams = new Map<string, Stream>()
  readonly #windows = new Map<number, Window>()
  #dirty = new Map<string, string[]>()
  #sweptAt = Number.NEGATIVE_INFINITY
  #news = noNews()

  moved(userId: string, from: Presence | null, to: Presence): void {
    this.#news.present.set(userId, { userId, at: to.at, stream: to.stream })
    this.present.moved(from, to)
  }

  /** Null: the stream no longer counts attendance, or its record is not at hand. */
  presencesOn(stream: string | null, time: number): Presences | null {
    if (stream === null) return ELSEWHERE
    const known = this.#streams.get(stream)
    if (!known || known.lastArrival + FREEZE_MS <= time) return null
    // All viewers of the stream have the same object.
    const on = this.present.on(stream)
    if (known.presences?.on !== on) known.presences = { stream: known, on }
    return known.presences
  }

  stillCount({ stream, on }: Presences, time: number): boolean {
    return stream === null || (stream.lastArrival + FREEZE_MS > time && !stream.isGone && !on!.isGone)
  }

  /** A viewer was heard again where it was before; the news do not say so. */
  pulsed({ stream, on }: Presences, from: number, at: number, arrival: number): void {
    this.present.stayed(on, from, at)
    if (stream !== null) this.#arrived(stream, arrival)
  }

  attended(userId: string, stream: string | null): void {
    this.#news.attended.push([stream, userId])
    if (stream === null) {
      this.#totals.attendance++
      this.#mark('totals')
    } else {
      const known = this.#stream(stream)
      known.attendance++
      this.#markStream(known)
    }
  }

  arrived(stream: string, arrival: number): void {
    this.#arrived(this.#stream(stream), arrival)
  }

  #arrived(stream: Stream, arrival: number): void {
    if (arrival <= stream.lastArrival) return
    stream.lastArrival = arrival
    this.#markStream(stream)
  }

  #markStream(stream: Stream): void {
    if (stream.isDirty) return
    stream.isDirty = true
    this.#mark('stream', stream.id)
  }

  counted(at: number, country: string, groups: readonly string[], by: 1 | -1): void {
    let window = this.#windows.get(at)
    if (!window) {
      window = new Window()
      this.#windows.set(at, window)
      if (this.#totals.newest !== undefined && at > this.#totals.newest) this.#totals.newest = at
      this.#mark('totals')
    }
    window.count(country, groups, by, this.applying)
    this.#mark('window', String(at))
  }

  tooLate(): void {
    this.#totals.tooLate++
    this.late++
    this.#mark('totals')
  }

  isFrozen(stream: string, time: number): boolean {
    const known = this.#streams.get(stream)
    return known !== undefined && known.lastArrival + FREEZE_MS <= time
  }

  /** A record is at hand when it is in memory, or there is none yet; of the totals it always is. */
  isAtHand([what, name]: string[]): boolean {
    if (what === 'stream') return this.hasStream(name!)
    return what !== 'window' || this.isWindowAtHand(Number(name))
  }

  readonly hasStream = (id: string): boolean => this.#streams.has(id)

  isWindowAtHand(at: number): boolean {
    const { newest } = this.#totals
    return this.#windows.has(at) || (newest !== undefined && at > newest)
  }

  restore({ names: [what, name], value }: CounterRecord): void {
    if (what === 'totals') this.#totals = value as Totals
    else if (what === 'stream')
      this.#streams.set(name!, { ...(value as StreamRecord), id: name!, isDirty: false, isGone: false })
    else if (what === 'window') this.#windows.set(Number(name), Window.of(value as StatisticsRecord))
  }

  /** The records that changed since they were last taken, and the news since then. */
  take(): { records: CounterRecord[]; news: LiveNews } {
    const records = [...this.#dirty.values()].map(names => ({ names, value: this.#value(names) }))
    this.#dirty = new Map()
    const news = this.#news
    this.#news = noNews()
    for (const { names, value } of records) {
      if (names[0] === 'stream') news.streams.set(names[1]!, (value as StreamRecord).lastArrival)
    }
    return { records, news }
  }

  /** Forgets frozen streams and all but the newest windows; nothing that changed. `time` is the partition's, `now` the clock's. */
  evict(time: number, now: number): void {
    // A clock that went back must not end the sweeps.
    if (Math.abs(now - this.#sweptAt) < SWEEP_MS) return
    this.#sweptAt = now
    for (const [id, stream] of this.#streams) {
      if (stream.isDirty || !this.isFrozen(id, time)) continue
      stream.isGone = true
      this.#streams.delete(id)
    }
    if (this.#windows.size > 2 * KEEP_WINDOWS) {
      const old = [...this.#windows.keys()].sort((a, b) => b - a).slice(KEEP_WINDOWS)
      for (const at of old) if (!this.#dirty.has(`window\n${at}`)) this.#windows.delete(at)
    }
    this.present.sweep(time)
  }

  /** Viewers whose newest beat is at most 65 s before `now`, to the second. */
  alive(now: number, stream?: string): number {
    return this.present.alive(now, stream)
  }

  /** Streams that still count attendance. */
  get streams(): string[] {
    return [...this.#streams.keys()]
  }

  get totals(): { attendance: number; tooLate: number } {
    const { attendance, tooLate } = this.#totals
    return { attendance, tooLate }
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
      stream = { id, attendance: 0, lastArrival: 0, isDirty: false, isGone: false }
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
    if (what === 'stream') {
      const stream = this.#streams.get(name!)!
      stream.isDirty = false
      return { attendance: stream.attendance, lastArrival: stream.lastArrival } satisfies StreamRecord
    }
    return this.#windows.get(Number(name))!.record(Number(name))
  }
}

const ELSEWHERE: Presences = { stream: null, on: null }

const noNews = (): LiveNews => ({ present: new Map(), heard: [], attended: [], streams: new Map() })

import type { Presence } from '../../actors/index.ts'
import type { Seq } from '../log/index.ts'
import { aliveSince } from './alive.ts'
import { AliveCounter, type AliveRecord, secondOf } from './alive-counter.ts'

/** The clock of an owner, by which it is asked who is alive, may be so far behind partition time (see `isWrong`). */
const BEHIND_MS = 120_000

/** At this partition time, whoever beat in no later second is alive to nobody. */
const firstAt = (time: number): number => secondOf(aliveSince(time - BEHIND_MS))

/** A record of who is alive: all, or those on a stream. */
export interface PresentRecord {
  names: string[]
  value: unknown
}

/**
 * The record of all is in each commit, so that it shows where a former version, which writes none, came after; what is
 * before its `since` counts in no record.
 */
export interface AllAlive extends AliveRecord {
  cut: Seq
}

/**
 * How many viewers are alive, in all and on each stream, by their newest beats. Its records are a function of the log:
 * what they leave out goes by partition time, whoever asked meanwhile.
 */
export class Present {
  #all = new AliveCounter()
  readonly #on = new Map<string, AliveCounter>()
  /** streams whose records are of nobody */
  readonly #left = new Set<string>()
  /** before that second some or all may be forgotten */
  #since = firstAt(0)

  /** Takes records, if the commit of that cut wrote them; false: who is alive is to be counted anew. */
  restore(records: readonly PresentRecord[], cut: Seq, time: number): boolean {
    const all = records.find(({ names }) => names.length === 1)?.value as AllAlive | undefined
    // Where a clock was ahead, more may be forgotten than is over.
    const isWhole = all?.cut === cut && all.since <= firstAt(time)
    this.#since = isWhole ? all.since : firstAt(time)
    for (const { names, value } of records) {
      const [, stream] = names
      if (!isWhole) {
        if (stream !== undefined) this.#left.add(stream)
      } else if (stream === undefined) this.#all = AliveCounter.of(value as AliveRecord)
      else this.#on.set(stream, AliveCounter.of(value as AliveRecord))
    }
    return isWhole
  }

  /** Partition time is this since the entry that is applied. */
  told(time: number): void {
    this.#since = Math.max(this.#since, firstAt(time))
  }

  /** The records that changed since they were last taken, and the names of those that may go. */
  take(cut: Seq): { puts: PresentRecord[]; removes: string[][] } {
    const since = this.#since
    const all = { ...this.#all.record(since), cut } satisfies AllAlive
    const puts: PresentRecord[] = [{ names: ['alive'], value: all }]
    for (const [stream, on] of this.#on)
      if (on.isDirty) puts.push({ names: ['alive', stream], value: on.record(since) })
    const left = [...this.#left].filter(stream => !this.#on.has(stream))
    this.#left.clear()
    return { puts, removes: left.map(stream => ['alive', stream]) }
  }

  /** A viewer is now here instead of there. */
  moved(from: Presence | null, to: Presence): void {
    if (from) {
      this.#all.add(from.at, -1)
      if (from.stream !== null) this.#on.get(from.stream)?.add(from.at, -1)
    }
    this.#all.add(to.at, 1)
    if (to.stream !== null) this.on(to.stream).add(to.at, 1)
  }

  /** A viewer was heard again where it was before; `on` counts those of its stream. */
  stayed(on: AliveCounter | null, from: number, at: number): void {
    this.#all.add(from, -1)
    this.#all.add(at, 1)
    on?.add(from, -1)
    on?.add(at, 1)
  }

  on(stream: string): AliveCounter {
    let on = this.#on.get(stream)
    if (!on) {
      on = new AliveCounter()
      this.#on.set(stream, on)
    }
    return on
  }

  /** Viewers whose newest beat is at most 65 s before `now`, to the second. */
  alive(now: number, stream?: string): number {
    return (stream === undefined ? this.#all : this.#on.get(stream))?.since(aliveSince(now)) ?? 0
  }

  /** Forgets who is alive to nobody any more, now that partition time is this. */
  sweep(time: number): void {
    const first = firstAt(time)
    this.#all.forget(first)
    for (const [stream, on] of this.#on) {
      if (!on.forget(first)) continue
      on.isGone = true
      this.#on.delete(stream)
      this.#left.add(stream)
    }
  }
}

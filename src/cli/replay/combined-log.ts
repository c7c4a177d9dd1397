/** Access logs as web events. */
import { hash } from 'node:crypto'
import { type Hit, type LineFault, parseHit } from './hit.ts'
import type { Kind, KindOf } from './pages.ts'

export interface LogEvent {
  id: string
  sessionId: string
  ts: number
  page: string
  userId?: string
  referrer?: string
}

/** A hit that is no visit of a page, where only these are wanted. */
export interface LeftOutHit {
  leftOut: Kind
}

/** How many seconds of log time have counters at a time. */
const COUNTED_SECONDS = 3_600

/**
 * The logs of one run, read from their first line. An event's id is `<n>-<h>`: n is the line's place among that
 * visitor's lines of that second (the first is 0001), h the first 16 hex digits of the line's SHA-256; so equal lines
 * differ, and reading the same logs again gives the same ids. A second goes on where a log was rotated in it.
 *
 * The counters of the last 3,600 distinct seconds seen are kept, which is an hour of log time or more. Lines in
 * disorder by less than that are numbered correctly; a second that comes back later is counted from 0001 again. One
 * stray line from another year costs one of the 3,600 places and disturbs nothing else.
 */
export class CombinedLog {
  readonly #counters = new Map<number, Map<string, number>>()
  readonly #leftOut: KindOf

  /** `leftOut` says what to leave out; hits that are left out count as places too. */
  constructor(leftOut: KindOf = () => undefined) {
    this.#leftOut = leftOut
  }

  /** `line` makes the id; `exact` is read, which differs where bytes of the line are not UTF-8. */
  read(line: string, exact = line): LogEvent | LineFault | LeftOutHit {
    const hit = parseHit(exact)
    if ('reason' in hit) return hit
    const event = this.#event(hit, line)
    const leftOut = this.#leftOut(hit)
    return leftOut === undefined ? event : { leftOut }
  }

  #event({ visitor, userId, ts, page, referrer }: Hit, line: string): LogEvent {
    const place = this.#place(visitor, ts)
    return {
      id: `${String(place).padStart(4, '0')}-${hash('sha256', line).slice(0, 16)}`,
      sessionId: visitor,
      ts,
      page,
      ...(userId !== undefined && { userId }),
      ...(referrer !== undefined && { referrer }),
    }
  }

  #place(visitor: string, ts: number): number {
    const second = this.#counters.get(ts) ?? new Map<string, number>()
    const place = (second.get(visitor) ?? 0) + 1
    second.set(visitor, place)
    if (!this.#counters.has(ts)) {
      this.#counters.set(ts, second)
      if (this.#counters.size > COUNTED_SECONDS) this.#counters.delete(this.#counters.keys().next().value!)
    }
    return place
  }
}

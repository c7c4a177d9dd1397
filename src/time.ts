import { randomUUID } from 'node:crypto'
import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises'

/** Ends a timer; after it has rung, nothing. */
export type Cancel = () => void

/** All that a program takes from the machine it runs on that differs from run to run: clocks, timers, random ids. */
export interface Time {
  /** ms since the epoch, by a clock that may be set */
  now(): number
  /** ms from any beginning, by a clock that is never set */
  monotonic(): number
  /** Resolves after `ms`, or when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls once, after `ms`. */
  after(ms: number, call: () => void): Cancel
  /** Calls every `ms`. Alone it keeps no process alive. */
  every(ms: number, call: () => void): Cancel
  /** Resolves in a later turn of the event loop, when what has come meanwhile was taken. */
  turn(): Promise<void>
  /** A random UUID. */
  id(): string
}

/** A timer of Node holds no longer time, and none that is over. */
const held = (ms: number): number => Math.min(Math.max(0, ms), 2 ** 31 - 1)

/** The time of this machine. */
export const systemTime: Time = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  // An abort is the end that was asked for.
  sleep: (ms, signal) => pause(held(ms), undefined, { ...(signal && { signal }) }).catch(() => {}),
  after(ms, call) {
    const timer = setTimeout(call, held(ms))
    return () => clearTimeout(timer)
  },
  every(ms, call) {
    const timer = setInterval(call, ms).unref()
    return () => clearInterval(timer)
  },
  turn: () => immediate(),
  id: () => randomUUID(),
}

/** A step of the wall clock that has lasted so long is a correction, and followed. */
const LASTING_MS = 60_000
/** The wall clock is followed at once by so much in `LASTING_MS`: it was slewed, or stepped by little. */
const SLEWED_MS = 500
/** A clock that is further from the one it heeds counts for nothing. */
const GROSS_MS = 10_000
const HEEDED_MS = 300_000
/** Requests that were accepted before a step back may be tried again for so long. */
const RETRIED_MS = 300_000

/** Wall clock less monotonic clock, from some monotonic time on. */
interface Offset {
  ms: number
  since: number
}

/**
 * A time whose wall clock is followed only as far as the monotonic clock bears it out. Example: a clock that is an hour
 * ahead for five seconds shows nothing of it; one that is corrected by an hour shows it a minute later.
 */
export class SteadyTime implements Time {
  readonly #of: Time
  /** as the wall clock has it */
  #own: number
  /** around which the wall clock may be slewed */
  #anchor: Offset
  /** a step that is not followed yet */
  #step: Offset | undefined
  /** as another process has it */
  #heeded: Offset | undefined
  /** as it counts now, and as it did before a step back */
  #counts: number
  #former: Offset | undefined

  constructor(of: Time) {
    this.#of = of
    const since = of.monotonic()
    this.#own = of.now() - since
    this.#anchor = { ms: this.#own, since }
    this.#counts = this.#own
  }

  now(): number {
    const wall = this.#of.now()
    const elapsed = this.#of.monotonic()
    this.#follow(wall - elapsed, elapsed)
    const { ms, since } = this.#heeded ?? { ms: this.#own, since: elapsed }
    const isHeeded = elapsed - since < HEEDED_MS && Math.abs(ms - this.#own) > GROSS_MS
    const counts = isHeeded ? ms : this.#own
    if (this.#counts - counts > SLEWED_MS) {
      this.#former = { ms: this.#counts + this.wasAhead(), since: elapsed }
    }
    this.#counts = counts
    return Math.round(elapsed + counts)
  }

  #follow(ms: number, elapsed: number): void {
    if (elapsed - this.#anchor.since >= LASTING_MS) this.#anchor = { ms: this.#own, since: elapsed }
    if (Math.abs(ms - this.#anchor.ms) > SLEWED_MS) {
      if (!this.#step || Math.abs(ms - this.#step.ms) > SLEWED_MS) this.#step = { ms, since: elapsed }
      if (elapsed - this.#step.since < LASTING_MS) return
      this.#anchor = { ms, since: elapsed }
    }
    this.#step = undefined
    this.#own = ms
  }

  /** Takes the time of a process that decides about time: for some minutes it counts, where the own clock is far from it. */
  heed(now: number): void {
    const since = this.#of.monotonic()
    this.#heeded = { ms: now - since, since }
    this.now()
  }

  /** ms by which `now` was further ahead in the last five minutes: what was right then may name a time after now. */
  wasAhead(): number {
    const { ms, since } = this.#former ?? { ms: 0, since: Number.NEGATIVE_INFINITY }
    return this.#of.monotonic() - since < RETRIED_MS ? Math.max(0, Math.round(ms - this.#counts)) : 0
  }

  monotonic(): number {
    return this.#of.monotonic()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#of.sleep(ms, signal)
  }

  after(ms: number, call: () => void): Cancel {
    return this.#of.after(ms, call)
  }

  every(ms: number, call: () => void): Cancel {
    return this.#of.every(ms, call)
  }

  turn(): Promise<void> {
    return this.#of.turn()
  }

  id(): string {
    return this.#of.id()
  }
}

/** What the work comes to; rejects with what `late` says if that takes longer than `ms`. */
export async function within<T>(time: Time, ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const cancel = time.after(ms, () => reject(late()))
  try {
    return await Promise.race([work, promise])
  } finally {
    cancel()
  }
}

/** Resolves when the work has ended, or after `ms`: for the end of what may never end. Rejects if the work does. */
export async function atMost(time: Time, ms: number, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const cancel = time.after(ms, resolve)
  try {
    await Promise.race([work, promise])
  } finally {
    cancel()
  }
}

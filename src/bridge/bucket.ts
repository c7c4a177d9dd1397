import { type Limit, RollcallError } from '../errors.ts'
import type { Time } from '../time.ts'

const MINUTE_MS = 60_000

/** Tokens that come back with time. A full bucket gives all that is asked for, and then waits until that is back. */
export class Bucket {
  readonly #capacity: number
  readonly #perMs: number
  readonly #time: Time
  readonly #limit: Limit
  #level: number
  #at: number

  constructor(time: Time, limit: Limit, perMinute: number, capacity = perMinute) {
    this.#limit = limit
    this.#capacity = capacity
    this.#perMs = perMinute / MINUTE_MS
    this.#time = time
    this.#level = capacity
    this.#at = time.monotonic()
  }

  /** ms until it gives so many; 0: now. */
  waitFor(count: number): number {
    const now = this.#time.monotonic()
    this.#level = Math.min(this.#capacity, this.#level + (now - this.#at) * this.#perMs)
    this.#at = now
    return Math.max(0, (Math.min(count, this.#capacity) - this.#level) / this.#perMs)
  }

  /** Takes them, or throws RC_RATE_LIMITED. */
  take(count: number): void {
    const wait = this.waitFor(count)
    if (wait > 0) throw limited(wait, this.#limit)
    this.#level -= count
  }

  giveBack(count: number): void {
    this.#level += count
  }
}

export const limited = (retryAfterMs: number, limit: Limit): RollcallError =>
  new RollcallError('RC_RATE_LIMITED', undefined, { retryAfterMs: Math.ceil(retryAfterMs), limit })

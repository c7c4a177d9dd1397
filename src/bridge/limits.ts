import { LRUCache } from 'lru-cache'
import type { Time } from '../time.ts'
import { Bucket, limited } from './bucket.ts'
import type { Caller } from './callers.ts'

/** `MOST_CALLERS` are known at once: of more, the one that was silent longest is forgotten, and begins with full buckets. */
const MOST_CALLERS = 100_000
/** Signatures of tokens that may turn out wrong: so many at once, and so many a minute. */
const UNPROVEN_TOKENS = 10_000
const UNPROVEN_TOKENS_A_MINUTE = 60_000
/** Bytes of webhooks whose signature may turn out wrong. */
const UNPROVEN_WEBHOOKS = 10_485_760
const UNPROVEN_WEBHOOKS_A_MINUTE = 62_914_560

/** How much a caller may send in a minute, or sends with a request. */
export interface Rates {
  requests: number
  records: number
  bytes: number
}

type Buckets = Record<keyof Rates, Bucket>

/** Limits of what callers may send: each has its own buckets, all without a valid token share theirs, services have none. */
export class Limits {
  /** of tokens that are not known yet: those that prove valid give theirs back */
  readonly unprovenTokens: Bucket
  /** of bytes of webhooks: those that prove signed give theirs back */
  readonly unprovenWebhooks: Bucket
  readonly #rates: Rates
  readonly #time: Time
  readonly #callers = new LRUCache<string, Buckets>({ max: MOST_CALLERS })
  readonly #strangers: Buckets

  constructor(rates: Rates, time: Time) {
    this.#rates = rates
    this.#time = time
    this.#strangers = this.#full()
    this.unprovenTokens = new Bucket(time, 'tokens', UNPROVEN_TOKENS_A_MINUTE, UNPROVEN_TOKENS)
    this.unprovenWebhooks = new Bucket(time, 'webhooks', UNPROVEN_WEBHOOKS_A_MINUTE, UNPROVEN_WEBHOOKS)
  }

  /** Takes all of it from the caller's buckets, or nothing and throws RC_RATE_LIMITED. */
  take(caller: Caller, sent: Partial<Rates>): void {
    if (caller.isService) return
    const buckets = caller.subject === null ? this.#strangers : this.#of(caller.subject)
    const counts = Object.entries(sent) as [keyof Rates, number][]
    let [longest, limit]: [number, keyof Rates] = [0, 'requests']
    for (const [unit, count] of counts) {
      const wait = buckets[unit].waitFor(count)
      if (wait > longest) [longest, limit] = [wait, unit]
    }
    if (longest > 0) throw limited(longest, limit)
    for (const [unit, count] of counts) buckets[unit].take(count)
  }

  #of(subject: string): Buckets {
    const known = this.#callers.get(subject)
    if (known) return known
    const buckets = this.#full()
    this.#callers.set(subject, buckets)
    return buckets
  }

  #full(): Buckets {
    const { requests, records, bytes } = this.#rates
    const bucket = (limit: keyof Rates, perMinute: number): Bucket => new Bucket(this.#time, limit, perMinute)
    return {
      requests: bucket('requests', requests),
      records: bucket('records', records),
      bytes: bucket('bytes', bytes),
    }
  }
}

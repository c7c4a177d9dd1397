import { type Batch, batchOf } from './batch.ts'
import { type Bearer, type Bearers, isOf } from './bearer.ts'
import type { ServerClock } from './clock.ts'
import { type Kept, type Kind, localTime } from './record.ts'
import type { Waiting } from './waiting.ts'

export interface LaneParts {
  waiting: Waiting
  bearers: Bearers
  clock: ServerClock
  collectMs: number
  now(): number
  sleep(ms: number): Promise<void>
  post(kind: Kind, token: string, body: string, keepalive: boolean): Promise<Response>
  refused(kept: Kept, code: string, message: string): void
  /** of an answer that is not Rollcall's usual */
  warn(status: number): void
  isClosed(): boolean
}

interface Refused {
  code: string
  message: string
  faults?: { index: number; code: string; message: string }[]
}

const MOST_RECORDS = 100
/** A quarter of what the server takes; proxies take less. */
const MOST_BYTES = 2 ** 18
const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 30_000
/** A record that was refused alone is tried again when this is over. */
const ASIDE_MS = 600_000
/** A record that cannot wait makes no attempt before this is over, while attempts fail. */
const PRESSING_RETRY_MS = 10_000
/** The server counts no beat of a user that comes later. */
const BEAT_LIFE_MS = 3_600_000

/** Sends the records of one kind. Each kind has its own, so that events that cannot go out delay no beat. */
export class Lane {
  readonly #kind: Kind
  readonly #parts: LaneParts
  #sending: Promise<void> | undefined
  #wake: (() => void) | undefined
  #pressingFrom = Number.NEGATIVE_INFINITY
  /** of a batch: halved where it is refused whole, doubled where it is taken, up to `#ceiling` */
  #most = MOST_RECORDS
  #ceiling = MOST_RECORDS
  /** refused alone; their turn is after the others' */
  readonly #aside = new Set<Kept>()
  /** nothing waits but these */
  #isIdle = false
  #wasRestamped = false

  constructor(kind: Kind, parts: LaneParts) {
    this.#kind = kind
    this.#parts = parts
  }

  /** How many the token at hand may send, or the one to come. */
  get size(): number {
    const { last } = this.#parts.bearers
    return this.#all().filter(kept => !last || kept.isUnowned || isOf(kept, last)).length
  }

  /** Resolves when all was accepted or refused. A pressing record waits for no others. */
  start(isPressing = false): Promise<void> {
    if (this.#isIdle || (isPressing && this.#parts.now() >= this.#pressingFrom)) this.#wake?.()
    this.#sending ??= this.#send(isPressing).finally(() => {
      this.#sending = undefined
      if (this.size > 0 && !this.#parts.isClosed()) this.start()
    })
    return this.#sending
  }

  /** Sends what fits into `bytes` in requests that outlive the page, and says how many bytes are left. */
  leave(bytes: number): number {
    const { last } = this.#parts.bearers
    const sent = new Set<Kept>()
    for (let left = bytes; ; ) {
      const batch = last && this.#next(last, MOST_RECORDS, left, sent)
      if (!batch || batch.records.length === 0 || batch.bytes > left) return left
      left -= batch.bytes
      for (const kept of batch.records) sent.add(kept)
      void this.#deliver(last, batch, true)
    }
  }

  async #send(isPressing: boolean): Promise<void> {
    const { collectMs, isClosed, now } = this.#parts
    if (!isPressing) await this.#pause(collectMs)
    for (let wait = FIRST_RETRY_MS; this.size > 0 && !isClosed(); ) {
      const retryMs = await this.#attempt()
      if (retryMs === null) wait = FIRST_RETRY_MS
      else {
        this.#pressingFrom = now() + Math.max(retryMs, PRESSING_RETRY_MS)
        await this.#pause(Math.max(wait, retryMs))
        this.#pressingFrom = Number.NEGATIVE_INFINITY
        wait = Math.min(2 * wait, LAST_RETRY_MS)
      }
    }
  }

  /** Resolves after `ms`, or when it is woken: then false. */
  async #pause(ms: number): Promise<boolean> {
    const woken = new Promise<boolean>(resolve => {
      this.#wake = () => resolve(false)
    })
    const isOver = await Promise.race([this.#parts.sleep(ms).then(() => true), woken])
    this.#wake = undefined
    return isOver
  }

  /** Null when it got on, else how long to wait at least before the next. */
  async #attempt(): Promise<number | null> {
    const { bearers, clock } = this.#parts
    let bearer: Bearer
    try {
      bearer = await bearers.forRequest()
    } catch {
      // A token is not to be had just now: the next attempt asks again.
      return 0
    }
    await clock.learn()
    // A single record goes ahead until a server has answered: the others will have the right time.
    const batch = this.#next(bearer, clock.isKnown ? this.#most : 1, MOST_BYTES, this.#aside)
    if (batch.records.length > 0) return this.#deliver(bearer, batch, false)
    // A token may be still to come that says whose the rest is.
    if (this.#aside.size === 0) return this.size > 0 ? 0 : null
    this.#isIdle = true
    if (await this.#pause(ASIDE_MS)) this.#aside.clear()
    this.#isIdle = false
    return null
  }

  #all(): Kept[] {
    return [...this.#parts.waiting].filter(({ kind }) => kind === this.#kind)
  }

  #next(bearer: Bearer, most: number, mostBytes: number, without: Set<Kept>): Batch {
    const { waiting, clock, now } = this.#parts
    const isTooOld = ({ made }: Kept): boolean =>
      this.#kind === 'heartbeats' && !bearer.isService && now() - made > BEAT_LIFE_MS
    const mine = this.#all().filter(kept => !kept.isUnowned && isOf(kept, bearer))
    const tooOld = mine.filter(isTooOld)
    if (tooOld.length > 0) this.#refuse(tooOld, 'too_old', 'has waited for more than an hour')
    const ready = mine.filter(kept => !isTooOld(kept) && !without.has(kept))
    const stampOf = (kept: Kept): number => kept.stamp ?? clock.stamp(localTime(kept))
    const batch = batchOf(this.#kind, ready, most, mostBytes, stampOf)
    const stamp = (kept: Kept): void => {
      kept.stamp = stampOf(kept)
    }
    const unstamped = batch.records.filter(({ stamp }) => stamp === undefined)
    if (unstamped.length > 0) waiting.change(unstamped, stamp)
    return batch
  }

  /** Like an attempt: null when it got on. */
  async #deliver(bearer: Bearer, { records, body }: Batch, keepalive: boolean): Promise<number | null> {
    const { clock, now, post, waiting, warn } = this.#parts
    const sent = now()
    let response: Response
    try {
      response = await post(this.#kind, bearer.token, body, keepalive)
    } catch {
      // A connection was not to be had, or broke: the server may have taken the batch.
      for (const kept of records) kept.isUnsure = true
      return 0
    }
    clock.read(response, sent)
    const { status, headers } = response
    if (status === 202) {
      waiting.settle(records)
      this.#most = Math.min(2 * this.#most, this.#ceiling)
      this.#wasRestamped = false
      return null
    }
    const answer = status === 400 ? await answerOf(response) : null
    if (answer) return this.#sift(answer, records)
    if (status === 408 || status >= 500) for (const kept of records) kept.isUnsure = true
    if (status !== 408 && status !== 429) warn(status)
    if ([400, 403, 413].includes(status) && this.#halve(records, status === 413)) return null
    return (Number(headers.get('retry-after')) || 0) * 1_000
  }

  /** Finds what is at fault where the whole is refused. False: it is this record, whose turn is after the others'. */
  #halve(records: Kept[], isTooMuch: boolean): boolean {
    this.#most = Math.ceil(records.length / 2)
    if (isTooMuch) this.#ceiling = records.length > 1 ? this.#most : MOST_RECORDS
    if (records.length === 1) this.#aside.add(records[0]!)
    return records.length > 1
  }

  /** The server takes a batch whole or not at all: without those at fault the rest is sent again. */
  #sift({ code, message, faults = [] }: Refused, records: Kept[]): number | null {
    const { clock, waiting } = this.#parts
    const atFault = new Map(faults.flatMap(fault => (records[fault.index] ? [[records[fault.index]!, fault]] : [])))
    const isMisdated = (kept: Kept): boolean => isOfTime(kept, atFault.get(kept)?.code) && stampOf(kept) !== kept.stamp
    const stampOf = (kept: Kept): number => clock.stamp(localTime(kept))
    const misdated = records.filter(isMisdated)
    for (const kept of atFault.size > 0 ? atFault.keys() : records) {
      const fault = atFault.get(kept) ?? { code, message }
      if (!misdated.includes(kept)) this.#refuse([kept], fault.code, fault.message)
    }
    waiting.change(misdated, kept => {
      kept.stamp = stampOf(kept)
    })
    const isRepeated = this.#wasRestamped
    this.#wasRestamped = misdated.length > 0
    return isRepeated && this.#wasRestamped ? 0 : null
  }

  #refuse(records: Kept[], code: string, message: string): void {
    this.#parts.waiting.settle(records)
    for (const kept of records) {
      this.#aside.delete(kept)
      this.#parts.refused(kept, code, message)
    }
  }
}

/**
 * A time that was refused is put right, if the record cannot be in already: what is ahead of the server's clock now was
 * so before, but what is too old now may have been accepted when it was younger.
 */
const isOfTime = ({ isUnsure }: Kept, code = ''): boolean =>
  ['in_future', 'before_2000'].includes(code) || (code === 'too_old' && !isUnsure)

/** Null where somebody else than Rollcall answers. */
async function answerOf(response: Response): Promise<Refused | null> {
  try {
    const answer = (await response.json()) as Partial<Refused> | null
    return typeof answer?.code === 'string' && answer.code.startsWith('RC_') ? (answer as Refused) : null
  } catch {
    // A proxy's page is no JSON.
    return null
  }
}

import type { Logger } from 'pino'
import { type ErrorCode, type Limit, RollcallError } from '../errors.ts'
import type { Faults } from '../observe/index.ts'
import type { Meter } from '../observe/meter.ts'
import type { Cancel, Time } from '../time.ts'

const TELL_MS = 10_000
/** Refusals that an alert is about: counted from 0 on, since Prometheus sees no growth in a series that begins above it. */
const ALARMING: readonly ErrorCode[] = [
  ...(['RC_LOG_UNAVAILABLE', 'RC_STORE_UNAVAILABLE', 'RC_KEYS_UNAVAILABLE', 'RC_NO_OWNER', 'RC_LOG_BEHIND'] as const),
  ...(['RC_LOG_TRUNCATED', 'RC_ACTOR_PARKED', 'RC_INTERNAL'] as const),
]
const OVERLOADS: readonly Limit[] = ['log', 'messages', 'waits']

/** How often callers were refused for one reason, and the latest of these refusals. */
interface Count {
  count: number
  latest: RollcallError
}

export interface RefusalsOptions {
  logger: Pick<Logger, 'info' | 'warn'>
  faults: Faults
  time: Time
  meter: Meter
}

/** Counts what callers are refused for; the log has a line a code, every ten seconds at most. */
export class Refusals {
  readonly #options: RefusalsOptions
  readonly #counts = new Map<string, Count>()
  readonly #cancel: Cancel

  constructor(options: RefusalsOptions) {
    this.#options = options
    for (const code of ALARMING) this.#counted(new RollcallError(code))
    for (const limit of OVERLOADS) this.#counted(new RollcallError('RC_OVERLOADED', undefined, { limit }))
    this.#cancel = options.time.every(TELL_MS, () => this.#tell())
  }

  /** Counts a refusal that callers or servers that are away are the reason of; any other is a fault, with its cause. */
  add(refusal: RollcallError, cause: unknown): void {
    const { status, code } = refusal
    this.#counted(refusal).n++
    const isExpected = status < 500 || status === 503 || code === 'RC_WAIT_TIMEOUT'
    const count = (this.#counts.get(code)?.count ?? 0) + 1
    if (isExpected) this.#counts.set(code, { count, latest: refusal })
    else this.#options.faults.report('request', cause)
  }

  #counted({ code, limit }: RollcallError): { n: number } {
    return this.#options.meter.count('rollcall_refusals_total', { code, limit })
  }

  #tell(): void {
    const { logger } = this.#options
    for (const [code, { count, latest }] of this.#counts) {
      const cause = latest.cause instanceof Error ? latest.cause.message : undefined
      const line = { code, count, message: latest.message, cause }
      if (latest.status < 500) logger.info(line, 'refused')
      else logger.warn(line, 'refused')
    }
    this.#counts.clear()
  }

  /** Tells what there is to tell. */
  close(): void {
    this.#cancel()
    this.#tell()
  }
}

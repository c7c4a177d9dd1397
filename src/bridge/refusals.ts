import type { Logger } from 'pino'
import type { RollcallError } from '../errors.ts'
import type { Faults } from '../observe/index.ts'
import type { Meter } from '../observe/meter.ts'
import type { Cancel, Time } from '../time.ts'

const TELL_MS = 10_000

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
    this.#cancel = options.time.every(TELL_MS, () => this.#tell())
  }

  /** Counts a refusal that callers or servers that are away are the reason of; any other is a fault, with its cause. */
  add(refusal: RollcallError, cause: unknown): void {
    const { status, code, limit } = refusal
    this.#options.meter.count('rollcall_refusals_total', { code, limit }).n++
    const isExpected = status < 500 || status === 503 || code === 'RC_WAIT_TIMEOUT'
    const count = (this.#counts.get(code)?.count ?? 0) + 1
    if (isExpected) this.#counts.set(code, { count, latest: refusal })
    else this.#options.faults.report('request', cause)
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

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Db } from 'mongodb'
import type { Logger } from 'pino'
import { RollcallError } from '../errors.ts'
import type { Lease } from './lease.ts'
import type { Tenure } from './tenure.ts'

export interface CandidacyOptions {
  /** where processes see of each other who owns the partitions; null: there is but one process */
  db: Db | null
  /** whether it is of use beside an owner; if it is not, it waits for one that is gone, but not for one that lives */
  isOfUseBeside: boolean
  /** An owner that was silent for so long is gone. */
  takeOverMs: number
  /** Called when it may own the partitions. */
  begin(): Promise<Tenure>
  logger: Logger
}

/** A process's way to the partitions: it waits until no other process owns them, then has its tenure until it is lost. */
export class Candidacy {
  /** whether it owns the partitions; false: another process does, and this one goes on waiting */
  readonly decided: Promise<boolean>
  /** rejects when another process may own the partitions, or they cannot be had */
  readonly lost: Promise<never>
  tenure: Tenure | undefined
  readonly #options: CandidacyOptions
  readonly #signal: AbortSignal
  readonly #ending = new AbortController()
  readonly #held = new AsyncDisposableStack()
  readonly #begun: Promise<Lease | null>

  constructor(options: CandidacyOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = AbortSignal.any([signal, this.#ending.signal])
    const waits = Promise.withResolvers<boolean>()
    this.#begun = this.#acquire(() => waits.resolve(false)).then(lease => this.#begin(lease))
    const isUp = this.#begun.then(lease => Promise.race([this.tenure!.ready(), lease?.lost ?? never()]))
    isUp.then(() => options.logger.info('owns the partitions')).catch(() => {})
    this.decided = Promise.race([isUp.then(() => true), waits.promise])
    const isOver = this.#begun.then(lease => Promise.race([this.tenure!.lost, lease?.lost ?? never()]))
    this.lost = Promise.all([isUp, isOver]).then(never)
    this.lost.catch(error => {
      if (!this.#signal.aborted) options.logger.error({ err: error }, 'the partitions are lost')
    })
  }

  async #acquire(standBy: () => void): Promise<Lease | null> {
    const { db, takeOverMs, isOfUseBeside, logger } = this.#options
    if (!db) return null
    const { Lease } = await import('./lease.ts')
    return Lease.acquire(db, randomUUID(), this.#signal, {
      goneMs: takeOverMs,
      monotonic: () => performance.now(),
      sleep: ms => sleep(ms, undefined, { ref: false, signal: this.#signal }).catch(() => {}),
      waiting(owner) {
        logger.info({ owner }, 'standing by')
        if (isOfUseBeside) standBy()
      },
      lives(owner) {
        if (!isOfUseBeside) throw new RollcallError('RC_OWNED', `The process ${owner} owns the partitions.`)
      },
    })
  }

  async #begin(lease: Lease | null): Promise<Lease | null> {
    this.#held.defer(() => lease?.release())
    if (this.#ending.signal.aborted) throw new RollcallError('RC_CLOSING')
    const tenure = await this.#options.begin()
    this.#held.defer(() => tenure.close())
    this.tenure = tenure
    return lease
  }

  /** Ends the tenure, or the waiting for it; others need not wait for the partitions. */
  async close(): Promise<void> {
    this.#ending.abort()
    await this.#begun.catch(() => {})
    await this.#held.disposeAsync()
  }
}

const never = (): Promise<never> => new Promise(() => {})

import type { Db } from 'mongodb'
import type { Logger } from 'pino'
import { createActor, waitFor } from 'xstate'
import { RollcallError } from '../errors.ts'
import { type Holder, type KnownHolder, toldOf } from '../observe/holder.ts'
import type { Faults } from '../observe/index.ts'
import type { Time } from '../time.ts'
import { candidacyMachine } from './candidacy-machine.ts'
import type { Lease } from './lease.ts'
import type { Tenure } from './tenure.ts'

/** A tenure as the candidacy for it knows it. */
type Term = Pick<Tenure, 'owner' | 'lost' | 'ready' | 'close'>

export interface CandidacyOptions {
  /** where processes see of each other who owns the partitions; null: there is but one process */
  db: Db | null
  /** this process, as it has its data directory; null: it has none, but a database */
  holder: Holder | null
  /** whether it is of use beside an owner; if it is not, it waits for one that is gone, but not for one that lives */
  isOfUseBeside: boolean
  /** An owner that was silent for so long is gone. */
  takeOverMs: number
  /** Called when it may own the partitions. */
  begin(): Promise<Term>
  /** hears of the process that owns the partitions, this one or another; null: none does */
  heldBy(holder: KnownHolder | null): void
  /** Entries that no commit has yet; null: that is not known. */
  lag(): Promise<number | null>
  time: Time
  faults: Faults
  logger: Pick<Logger, 'info'>
}

/** A process's way to the partitions: it waits until no other process owns them, then has its tenure until it is lost. */
export class Candidacy {
  /** whether it owns the partitions; false: another process does, and this one goes on waiting */
  readonly decided: Promise<boolean>
  /** rejects when another process may own the partitions, or they cannot be had, or it is closed */
  readonly lost: Promise<never>
  tenure: Term | undefined
  readonly #options: CandidacyOptions
  readonly #held = new AsyncDisposableStack()
  readonly #closing = Promise.withResolvers<never>()
  readonly #ending = new AbortController()
  readonly #signal: AbortSignal
  readonly #actor = createActor(
    candidacyMachine({ wait: () => this.#wait(), begin: () => this.#begin(), own: () => this.#own() }),
  )
  readonly #aborted: Promise<never>
  #lease: Lease | undefined
  /** this process, once nobody else may own the partitions */
  #holder: Holder | null

  constructor(options: CandidacyOptions, signal: AbortSignal) {
    this.#options = options
    this.#holder = options.holder
    this.#signal = AbortSignal.any([signal, this.#ending.signal])
    this.#closing.promise.catch(() => {})
    this.#aborted = rejectionAt(this.#signal)
    const decided = waitFor(
      this.#actor,
      state => state.matches('owning') || state.matches('lost') || state.context.standsBy,
    )
    this.decided = decided.then(({ value, context: { standsBy, cause } }) => {
      if (value === 'lost' && !standsBy) throw cause
      return value === 'owning'
    })
    this.lost = waitFor(this.#actor, state => state.matches('lost')).then(({ context }) => {
      throw context.cause
    })
    this.decided.catch(() => {})
    this.lost.catch(error => {
      if (!this.#signal.aborted) options.faults.report('ownership of the partitions', error)
    })
    this.#actor.start()
  }

  async #wait(): Promise<void> {
    const { db, takeOverMs: goneMs, isOfUseBeside, heldBy, logger, time, faults } = this.#options
    if (!db) return
    const { Lease } = await import('./lease.ts')
    const lease = await Lease.acquire(db, time.id(), this.#signal, {
      ...{ goneMs, time, faults },
      seen: heldBy,
      waiting: owner => {
        logger.info({ owner }, 'standing by')
        if (isOfUseBeside) this.#actor.send({ type: 'stand.by' })
      },
      lives(owner) {
        if (!isOfUseBeside) throw new RollcallError('RC_OWNED', `The partitions are owned by ${toldOf(owner)}.`)
      },
    })
    this.#held.defer(() => lease.release())
    this.#lease = lease
    this.#holder = lease.holder
  }

  async #begin(): Promise<void> {
    if (this.#ending.signal.aborted) throw new RollcallError('RC_CLOSING')
    this.#options.heldBy(this.#holder)
    const tenure = await this.#options.begin()
    this.#held.defer(() => tenure.close())
    this.tenure = tenure
    await this.#whileLeased(Promise.race([tenure.ready(), this.#aborted]))
  }

  #own(): Promise<never> {
    return this.#whileLeased(this.#announce().then(() => this.tenure!.lost))
  }

  async #announce(): Promise<void> {
    const { faults, logger } = this.#options
    const lag = await this.#options.lag().catch(error => {
      faults.report('look at the owner', error)
      return null
    })
    logger.info({ owner: { ...this.#holder, lag } }, 'owns the partitions')
  }

  #whileLeased<T>(work: Promise<T>): Promise<T> {
    const ends = this.#lease ? [this.#closing.promise, this.#lease.lost] : [this.#closing.promise]
    return Promise.race([...ends, work])
  }

  /** Ends the tenure, or the waiting for it; others need not wait for the partitions. */
  async close(): Promise<void> {
    this.#ending.abort()
    this.#closing.reject(new RollcallError('RC_CLOSING'))
    await waitFor(this.#actor, state => state.matches('lost'))
    await this.#held.disposeAsync()
  }
}

function rejectionAt(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  signal.addEventListener('abort', () => reject(new RollcallError('RC_CLOSING')), { once: true })
  return promise
}

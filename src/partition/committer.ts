import type { CheckpointStore } from '../checkpoint/index.ts'
import type { DocumentStore } from '../documents/index.ts'
import { isCode, RollcallError } from '../errors.ts'
import type { Seq } from '../log/index.ts'
import { type Policy, retry } from '../retry.ts'
import { systemTime } from '../time.ts'
import type { Cut } from './cut.ts'
import type { LiveCopies } from './live-copies.ts'
import type { Partition } from './partition.ts'
import { project } from './projections.ts'

export interface CommitOptions {
  partition: Partition
  incarnation: string
  store: CheckpointStore
  documents: DocumentStore
  copies: LiveCopies
  flushMs: number
  /** after each commit, when its documents are written */
  committed(cut: Cut): void
  /** no commit will ever succeed again */
  fatal(error: Error): void
  /** a step failed and will be tried again */
  failed(step: string, error: unknown): void
}

/** A step of what has to be done is tried until it is. */
export const UNTIL_DONE: Policy = { pauses: [50, 200, 1_000, 5_000] }

/** Somebody who waits for a position to be readable. */
interface Waiting {
  seq: Seq
  settle(error?: Error): void
}

/**
 * Takes the partition from cut to cut: checkpoint, then documents, then live sets; one commit at a time.
 * A commit comes each flush interval, sooner when somebody waits.
 */
export class Committer {
  readonly #options: CommitOptions
  readonly #waiting = new Set<Waiting>()
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #readableUntil: Seq
  #stopped: Error | undefined

  constructor(options: CommitOptions) {
    this.#options = options
    this.#readableUntil = options.partition.readableUntil
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  /** To be called when something was applied or became to be recorded. */
  poke(): void {
    const { partition, flushMs } = this.#options
    if (this.#stopped || this.#running || !partition.isDirty) return
    if (partition.outbox.hasFresh || this.#someWait(partition.applied)) this.#start()
    else this.#timer ??= setTimeout(() => this.#start(), flushMs)
  }

  #someWait(applied: Seq): boolean {
    for (const { seq } of this.#waiting) if (seq <= applied) return true
    return false
  }

  /** Resolves when everything up to `seq` is applied, committed and readable; RC_WAIT_TIMEOUT after `withinMs`. */
  settled(seq: Seq, withinMs: number): Promise<void> {
    if (this.#stopped) return Promise.reject(this.#stopped)
    if (seq <= this.#readableUntil) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        seq,
        settle: error => {
          clearTimeout(timer)
          this.#waiting.delete(waiting)
          if (error) reject(error)
          else resolve()
        },
      }
      const timer = setTimeout(() => waiting.settle(new RollcallError('RC_WAIT_TIMEOUT')), withinMs)
      this.#waiting.add(waiting)
      this.poke()
    })
  }

  /** Resolves when all that was applied is committed, or no commit will ever be. */
  async catchUp(): Promise<void> {
    const { partition } = this.#options
    for (const { applied } = partition; !this.#stopped && partition.claim.cut < applied; await this.#running)
      this.#start()
  }

  /** Commits what is left; nothing afterwards. */
  async drain(): Promise<void> {
    while (this.#running || (this.#options.partition.isDirty && !this.#stopped)) {
      if (!this.#running) this.#start()
      await this.#running
    }
    this.stop(new RollcallError('RC_CLOSING'))
  }

  stop(error: Error): void {
    this.#stopped ??= error
    clearTimeout(this.#timer)
    for (const { settle } of [...this.#waiting]) settle(this.#stopped)
  }

  #start(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#running || this.#stopped) return
    this.#running = this.#commit()
      .catch((error: Error) => this.#options.fatal(error))
      .finally(() => {
        this.#running = undefined
        this.poke()
      })
  }

  async #commit(): Promise<void> {
    const { partition, incarnation, store, documents, copies, committed } = this.#options
    const cut = partition.take()
    await this.#insist('commit', () => store.commit(partition.claim, cut.seq, { incarnation, ...cut.delta }))
    if (cut.writes.length > 0) {
      await this.#insist('documents', () => project(documents, cut.writes, cut.seq))
      partition.projected(cut.seq)
    }
    this.#readableUntil = cut.readableUntil
    for (const { seq, settle } of [...this.#waiting]) if (seq <= cut.readableUntil) settle()
    copies.add(cut)
    committed(cut)
  }

  #insist(step: string, work: () => Promise<void>): Promise<void> {
    const isFinal = (error: unknown): boolean => isCode(error, 'RC_FENCED') || this.#stopped !== undefined
    const failed = (error: unknown): void => this.#options.failed(step, error)
    return retry(work, UNTIL_DONE, { time: systemTime, isFinal, failed })
  }
}

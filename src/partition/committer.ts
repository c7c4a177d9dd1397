import type { Sums } from '../audience/sums.ts'
import type { CheckpointStore } from '../checkpoint/index.ts'
import type { DocumentStore } from '../documents/index.ts'
import { isCode, isDamage, RollcallError } from '../errors.ts'
import type { Seq } from '../log/index.ts'
import type { Faults } from '../observe/index.ts'
import { type Steps, step } from '../observe/steps.ts'
import { retry, UNTIL_DONE } from '../retry.ts'
import { type Cancel, type Time, within } from '../time.ts'
import type { Cut } from './cut.ts'
import type { Partition } from './partition.ts'
import { project, windowsIn } from './projections.ts'
import type { Traces } from './traces.ts'

export interface CommitOptions {
  partition: Partition
  incarnation: string
  store: CheckpointStore
  documents: DocumentStore
  flushMs: number
  time: Time
  faults: Faults
  sums?: Pick<Sums, 'add'>
  steps?: Steps | undefined
  traces?: Pick<Traces, 'commit'>
  /** after each commit, when its documents are written */
  committed(cut: Cut): void
  /** no commit will ever succeed again */
  fatal(error: Error): void
}

/** A caller that waits for a position to be readable. */
interface Reader {
  seq: Seq
  resolve(): void
  reject(error: Error): void
}

/**
 * Takes the partition from cut to cut: checkpoint, then documents, then what follows from them; one commit at a time.
 * A commit comes each flush interval, sooner when somebody waits.
 */
export class Committer {
  readonly #options: CommitOptions
  readonly #readers = new Set<Reader>()
  /** ends the wait for the flush interval; undefined: nothing waits for it */
  #cancel: Cancel | undefined
  #running: Promise<void> | undefined
  #readableUntil: Seq
  #stopped: Error | undefined
  #lastAt = 0

  constructor(options: CommitOptions) {
    this.#options = options
    this.#readableUntil = options.partition.readableUntil
  }

  /** ms since the epoch, of the last commit; 0: there was none yet */
  get lastAt(): number {
    return this.#lastAt
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  /** To be called when something was applied or became to be recorded. */
  poke(): void {
    const { partition, flushMs, time } = this.#options
    if (this.#stopped || this.#running || !partition.isDirty) return
    if (partition.outbox.hasFresh || this.#someWait(partition.applied)) this.#start()
    else this.#cancel ??= time.after(flushMs, () => this.#start())
  }

  #someWait(applied: Seq): boolean {
    for (const { seq } of this.#readers) if (seq <= applied) return true
    return false
  }

  /** Resolves when everything up to `seq` is applied, committed and readable; RC_WAIT_TIMEOUT after `withinMs`. */
  async settled(seq: Seq, withinMs: number): Promise<void> {
    if (this.#stopped) throw this.#stopped
    if (seq <= this.#readableUntil) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const reader: Reader = { seq, resolve, reject }
    this.#readers.add(reader)
    this.poke()
    try {
      await within(this.#options.time, withinMs, promise, () => new RollcallError('RC_WAIT_TIMEOUT'))
    } finally {
      this.#readers.delete(reader)
    }
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
    this.#cancel?.()
    for (const { reject } of this.#readers) reject(this.#stopped)
    this.#readers.clear()
  }

  #start(): void {
    this.#cancel?.()
    this.#cancel = undefined
    if (this.#running || this.#stopped) return
    const { partition, traces, fatal } = this.#options
    const end = traces?.commit(partition.applied)
    this.#running = this.#commit()
      .then(() => end?.())
      .catch((error: Error) => {
        end?.(error)
        fatal(error)
      })
      .finally(() => {
        this.#running = undefined
        this.poke()
      })
  }

  async #commit(): Promise<void> {
    const { partition, incarnation, store, documents, committed, time, steps } = this.#options
    const cut = partition.take()
    const delta = { incarnation, ...cut.delta }
    const began = time.monotonic()
    const bytes = await step(steps, 'checkpoint', cut, () =>
      this.#untilDone('commit', () => store.commit(partition.claim, cut.seq, delta)),
    )
    partition.meter.spread('rollcall_commit_seconds').add((time.monotonic() - began) / 1_000)
    partition.meter.count('rollcall_commits_total').n++
    partition.meter.count('rollcall_commit_bytes_total').n += bytes
    this.#lastAt = time.now()
    partition.backlog.committed(cut.size)
    if (cut.writes.length > 0) {
      await step(steps, 'documents', cut, () =>
        this.#untilDone('documents', () => project(documents, cut.writes, cut.seq, steps)),
      )
      this.#projected(cut)
    }
    this.#readableUntil = cut.readableUntil
    for (const reader of this.#readers) {
      if (reader.seq > cut.readableUntil) continue
      this.#readers.delete(reader)
      reader.resolve()
    }
    committed(cut)
  }

  /** Sums follow behind, and are part of what a cut has to have done: until then the next owner does it again. */
  #projected({ seq, writes }: Cut): void {
    const { partition, sums } = this.#options
    const windows = windowsIn(writes)
    if (!sums || windows.length === 0) {
      partition.projected(seq)
      return
    }
    sums.add(windows).then(() => {
      partition.projected(seq)
      this.poke()
    })
  }

  #untilDone<T>(step: string, work: () => Promise<T>): Promise<T> {
    const { time, faults } = this.#options
    const isFinal = (error: unknown): boolean =>
      isCode(error, 'RC_FENCED') || isDamage(error) || this.#stopped !== undefined
    return retry(work, UNTIL_DONE, { time, isFinal, failed: error => faults.report(step, error) })
  }
}

import type { DocumentStore } from '../documents/index.ts'
import type { Faults } from '../observe/index.ts'
import { type Steps, step } from '../observe/steps.ts'
import { retry, UNTIL_DONE } from '../retry.ts'
import type { Time } from '../time.ts'
import { sumUp } from './statistics.ts'

/** A sum reads the parts of all partitions: however many of them commit, each is written no more often. */
const PAUSE_MS = 1_000

export interface SumsOptions {
  documents: DocumentStore
  time: Time
  faults: Faults
  steps?: Steps | undefined
}

/** The sums of windows over all partitions, behind the commits of the partitions of one thread. */
export class Sums {
  readonly #options: SumsOptions
  readonly #windows = new Set<number>()
  #next: Promise<void> | undefined
  #current: Promise<void> = Promise.resolve()
  #endedAt = Number.NEGATIVE_INFINITY

  constructor(options: SumsOptions) {
    this.#options = options
  }

  /** Resolves when the windows are summed as their parts were stored at the call, or later. */
  add(windows: readonly number[]): Promise<void> {
    for (const window of windows) this.#windows.add(window)
    this.#next ??= this.#write()
    return this.#next
  }

  /** Resolves when nothing waits any more. */
  async written(): Promise<void> {
    await this.#next
    await this.#current
  }

  async #write(): Promise<void> {
    const { documents, time, faults, steps } = this.#options
    await this.#current
    const wait = this.#endedAt + PAUSE_MS - time.monotonic()
    if (wait > 0) await time.sleep(wait)
    const windows = [...this.#windows]
    this.#windows.clear()
    this.#next = undefined
    const sum = () => step(steps, 'sums', windows, () => sumUp(documents, windows))
    const failed = (error: unknown): void => faults.report('sums of statistics', error)
    this.#current = retry(sum, UNTIL_DONE, { time, failed }).finally(() => {
      this.#endedAt = time.monotonic()
    })
    await this.#current
  }
}

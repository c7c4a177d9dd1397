import { createHash } from 'node:crypto'
import { WINDOW_MS } from '../../machines/viewer.ts'
import { type Statistics, statistics } from '../audience/statistics.ts'
import type { DocumentStore } from '../documents/index.ts'
import type { Faults } from '../observe/index.ts'
import { atMost, type Cancel, type Time } from '../time.ts'
import type { Outputs } from './index.ts'

export interface StatisticsTellerOptions {
  documents: DocumentStore
  outputs: Outputs
  /** ms; how late a heartbeat may come and still count */
  lateMs: number
  time: Time
  faults: Faults
}

/** A window that is over waits so long for beats under way, and for the commit that shows them. */
const SETTLE_MS = 10_000
const EVERY_MS = 30_000
/** Telling that is under way at the end may still take so long. */
const LAST_WORDS_MS = 300

/** Tells other services of each window of five minutes that is over, and again if late heartbeats changed it. */
export class StatisticsTeller {
  readonly #options: StatisticsTellerOptions
  /** what was last told of a window */
  readonly #told = new Map<number, string>()
  #cancel: Cancel | undefined
  #running: Promise<void> | undefined

  constructor(options: StatisticsTellerOptions) {
    this.#options = options
  }

  /** Tells now, and every half minute. */
  start(): this {
    const { time, faults } = this.#options
    const tell = (): void => {
      this.#running ??= this.tell()
        .catch(error => faults.report('statistics', error))
        .finally(() => {
          this.#running = undefined
        })
    }
    tell()
    this.#cancel = time.every(EVERY_MS, tell)
    return this
  }

  /** Tells of each window that is over and has changed since it was told. */
  async tell(): Promise<void> {
    const { documents, lateMs, time } = this.#options
    const over = time.now() - SETTLE_MS - WINDOW_MS
    const oldest = over - lateMs - WINDOW_MS
    for (const timestamp of this.#told.keys()) if (timestamp < oldest) this.#told.delete(timestamp)
    const { records } = await statistics(documents, oldest, over + 1)
    for (const each of records) await this.#tellOne(each)
  }

  async #tellOne(data: Statistics): Promise<void> {
    const { timestamp } = data
    const text = JSON.stringify(data)
    if (this.#told.get(timestamp) === text) return
    const version = createHash('sha256').update(text).digest('hex').slice(0, 16)
    await this.#options.outputs.publish({
      ...{ id: `statistics/${timestamp}:${version}`, type: 'rollcall.statistics', source: '/statistics' },
      ...{ at: timestamp + WINDOW_MS, data: { ...data } },
    })
    this.#told.set(timestamp, text)
  }

  async close(): Promise<void> {
    this.#cancel?.()
    if (this.#running) await atMost(this.#options.time, LAST_WORDS_MS, this.#running)
  }
}

import type { EventLog } from '../log/index.ts'
import type { Faults } from '../observe/index.ts'
import type { Cancel, Time } from '../time.ts'
import type { Partition } from './partition.ts'

export interface TickerOptions {
  partition: Partition
  log: EventLog
  time: Time
  faults: Faults
}

/** Ticks of one partition are so far apart at least. */
const TICK_MS = 1_000

/** Writes ticks into the log. Time is an input: what is due fires when the tick is applied, not when the timer rings. */
export class Ticker {
  readonly #options: TickerOptions
  #cancel: Cancel | undefined
  /** when the timer rings; undefined: there is none */
  #ringsAt: number | undefined
  #tickedAt = 0
  #stopped = false

  constructor(options: TickerOptions) {
    this.#options = options
  }

  /** To be called when the partition's deadlines may have changed. */
  arm(): void {
    const { partition, time } = this.#options
    const next = partition.wheel.next()
    if (next === undefined || this.#stopped) return
    const at = Math.max(next, this.#tickedAt + TICK_MS)
    if (this.#ringsAt !== undefined && this.#ringsAt <= at) return
    this.#cancel?.()
    this.#ringsAt = at
    this.#cancel = time.after(Math.max(0, at - time.now()), () => this.#tick())
  }

  stop(): void {
    this.#stopped = true
    this.#cancel?.()
  }

  #tick(): void {
    const { partition, log, time, faults } = this.#options
    const { partition: number, epoch } = partition.claim
    this.#ringsAt = undefined
    this.#tickedAt = time.now()
    const tick = { kind: 'tick', key: '', id: '', at: this.#tickedAt, arrival: this.#tickedAt, epoch }
    log.append(number, [tick]).catch(error => {
      faults.report('tick', error)
      this.arm()
    })
  }
}

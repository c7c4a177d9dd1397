import type { EventLog } from '../log/index.ts'
import type { Faults } from '../observe/index.ts'
import { type Steps, step } from '../observe/steps.ts'
import type { Cancel, Time } from '../time.ts'
import { isWrong } from './clock.ts'
import type { Partition } from './partition.ts'

export interface TickerOptions {
  partition: Partition
  log: EventLog
  time: Time
  faults: Faults
  steps?: Steps | undefined
}

/** Ticks of one partition are so far apart at least. */
const TICK_MS = 1_000
/** So far apart at most: by them a partition knows what time it is for its owner. */
const WORD_MS = 3_600_000
/** The time of the next deadline is held against the wall clock, which may be corrected, once in so long. */
const LOOK_MS = 60_000

/** Writes ticks into the log. Time is an input: what is due fires when the tick is applied, not when the timer rings. */
export class Ticker {
  readonly #options: TickerOptions
  #cancel: Cancel | undefined
  /** when the timer rings, by the monotonic clock; undefined: there is none */
  #ringsAt: number | undefined
  /** by the monotonic clock */
  #tickedAt = Number.NEGATIVE_INFINITY
  #isStopped = false

  constructor(options: TickerOptions) {
    this.#options = options
  }

  /** To be called when the partition's deadlines may have changed, or all are there: before, no tick is written. */
  arm(): void {
    const { time, partition } = this.#options
    if (this.#isStopped || !partition.wheel.isWhole) return
    const elapsed = time.monotonic()
    const at = elapsed + Math.min(this.#wait(elapsed), LOOK_MS)
    if (this.#ringsAt !== undefined && this.#ringsAt <= at) return
    this.#cancel?.()
    this.#ringsAt = at
    this.#cancel = time.after(at - elapsed, () => this.#ring())
  }

  /** ms until the next tick */
  #wait(elapsed: number): number {
    const { partition, time } = this.#options
    const { wheel, clock } = partition
    const now = time.now()
    const due = isWrong(clock, now) ? now : Math.min(wheel.next() ?? Number.POSITIVE_INFINITY, clock.time + WORD_MS)
    return Math.max(0, due - now, this.#tickedAt + TICK_MS - elapsed)
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  #ring(): void {
    this.#ringsAt = undefined
    const { partition, log, time, faults, steps } = this.#options
    const elapsed = time.monotonic()
    if (this.#wait(elapsed) > 0) {
      this.arm()
      return
    }
    const { partition: number, epoch } = partition.claim
    this.#tickedAt = elapsed
    const at = time.now()
    const tick = { kind: 'tick', key: '', id: '', at, arrival: at, epoch }
    step(steps, 'tick', number, () => log.append(number, [tick])).catch(error => {
      // A tick that the end came between is missed by nobody: the next owner tells the time anew.
      if (this.#isStopped) return
      faults.report('tick', error)
      this.arm()
    })
  }
}

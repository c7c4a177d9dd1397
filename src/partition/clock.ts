import type { Seq } from '../log/index.ts'

/** A partition's sense of time, and of whose ticks and verdicts count: all of it is from the log. */
export interface Clock {
  /** partition time: of the newest event or tick; never goes back */
  time: number
  /** of the newest claim in the log; ticks of older ones don't count */
  epoch: number
  /** entries to come whose retries and drops a former version applied before their turn, in order */
  ahead?: Seq[]
  /** up to when (ms) documents may know what the checkpoint does not; null: the checkpoint knows all */
  adopts: number | null
}

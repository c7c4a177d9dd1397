/** The past of an actor: its last events, each with the state it led to, derived from a kept checkpoint and the log. */

import type { Frame } from '../inspect/frame.ts'
import type { Seq } from '../log/index.ts'

export interface Past {
  /** of the first step, or where there is none, from where on there are no others; `at` null: that is not known */
  since: { seq: Seq; at: number | null }
  /** why nothing from before is told, in words; null: that was all */
  reason: string | null
  /** as of before the first step, with all that the actor is kept in; null: that is too long to be told */
  before: { value: unknown; context: object } | null
  /** oldest first */
  steps: Frame[]
}

/** An actor, whose past is asked for. */
export interface Asked {
  partition: number
  kind: string
  key: string
  /** steps at most */
  limit: number
}

export interface Pasts {
  /** Throws RC_OVERLOADED where others wait already, RC_LOG_UNAVAILABLE and RC_STORE_UNAVAILABLE as the stores do. */
  past(asked: Asked): Promise<Past>
  close(): Promise<void>
}

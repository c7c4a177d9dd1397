import type { Claim } from '../checkpoint/index.ts'
import type { Bounds } from '../log/index.ts'

export type Problem = 'RC_LOG_BEHIND' | 'RC_LOG_TRUNCATED'

/** Why a partition cannot go on from its cut with this log; null if it can. `bounds` null: there is no log. */
export function problemOf(
  { cut, incarnation }: Pick<Claim, 'cut' | 'incarnation'>,
  bounds: Bounds | null,
): Problem | null {
  if (!bounds) return cut > 0 || incarnation !== null ? 'RC_LOG_BEHIND' : null
  if ((incarnation ?? bounds.incarnation) !== bounds.incarnation || bounds.last < cut) return 'RC_LOG_BEHIND'
  return bounds.first > cut + 1 ? 'RC_LOG_TRUNCATED' : null
}

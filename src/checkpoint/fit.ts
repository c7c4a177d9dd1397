import type { Bounds, Seq } from '../log/index.ts'
import type { Anchor } from './index.ts'

export type Problem = 'RC_LOG_BEHIND' | 'RC_LOG_TRUNCATED'

/** The side of a log that a checkpoint has to fit. */
interface Log {
  bounds(partition: number): Promise<Bounds | null>
  mark(partition: number, seq: Seq): Promise<string | null>
}

/** Why a partition cannot go on from its cut with this log; null if it can. */
export async function problemOf(
  { cut, incarnation, mark }: Anchor,
  log: Log,
  partition: number,
): Promise<Problem | null> {
  const bounds = await log.bounds(partition)
  if (!bounds) return cut > 0 || incarnation !== null ? 'RC_LOG_BEHIND' : null
  if ((incarnation ?? bounds.incarnation) !== bounds.incarnation || bounds.last < cut) return 'RC_LOG_BEHIND'
  if (bounds.first > cut + 1) return 'RC_LOG_TRUNCATED'
  if (mark === null || bounds.first > cut) return null
  // With another mark, the log lost its tail and took other entries in its place.
  return (await log.mark(partition, cut)) === mark ? null : 'RC_LOG_BEHIND'
}

import { isCode } from '../errors.ts'
import type { Bounds, Seq } from '../log/index.ts'
import type { Anchor } from './index.ts'
import type { Cuts } from './peek.ts'

export type Problem = 'RC_LOG_BEHIND' | 'RC_LOG_TRUNCATED' | 'RC_LOG_CORRUPT' | 'RC_CHECKPOINT_CORRUPT'

/** A partition of which nothing was committed yet. */
export const NOTHING: Anchor = { cut: 0, incarnation: null, mark: null }

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
  if (await isDamaged(log, partition, cut)) return 'RC_LOG_CORRUPT'
  return (await log.mark(partition, cut)) === mark ? null : 'RC_LOG_BEHIND'
}

/** True if the log holds the entry otherwise than it was written. */
export async function isDamaged(log: Log, partition: number, seq: Seq): Promise<boolean> {
  try {
    await log.mark(partition, seq)
    return false
  } catch (error) {
    if (!isCode(error, 'RC_LOG_CORRUPT')) throw error
    return true
  }
}

/** The same of a partition that is only looked at, whose checkpoint may be damaged; `kept` null: it has none that can be read. */
export async function lookAt(
  partition: number,
  cuts: Pick<Cuts, 'of'>,
  log: Log,
): Promise<{ kept: Anchor | null; problem: Problem | null }> {
  try {
    // The log goes ahead of the checkpoint: asked for second, it is never behind for having been asked too early.
    const kept = await cuts.of(partition)
    const problem = await problemOf(kept ?? NOTHING, log, partition)
    return {
      kept,
      problem: problem ?? ((await isDamaged(log, partition, (kept?.cut ?? 0) + 1)) ? 'RC_LOG_CORRUPT' : null),
    }
  } catch (error) {
    if (!isCode(error, 'RC_CHECKPOINT_CORRUPT')) throw error
    return { kept: null, problem: 'RC_CHECKPOINT_CORRUPT' }
  }
}

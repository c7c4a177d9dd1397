/** Where state is derived anew from: the first entry of the log, or a copy of the state that was kept for it. */
import type { LogPeek } from '../log/embedded/peek.ts'
import type { Bounds, Seq } from '../log/index.ts'
import { problemOf } from './fit.ts'
import type { Kept, KeptSlices } from './kept.ts'

/** Null: the log itself begins at the beginning. */
export type Start = Kept | null

/** All starts that the log reaches, up to the cut, the earliest first. */
export async function startsOf(
  log: LogPeek,
  slices: KeptSlices,
  { partition, bounds, cut }: { partition: number; bounds: Bounds; cut: Seq },
): Promise<Start[]> {
  const { first, incarnation } = bounds
  const usable: Kept[] = []
  for (const kept of await slices.heads(partition)) {
    const isReached = kept.incarnation === incarnation && kept.cut >= first - 1 && kept.cut <= cut
    if (isReached && (await problemOf(kept, log, partition)) === null) usable.push(kept)
  }
  usable.sort((a, b) => a.cut - b.cut)
  // Adoption begins at the beginning too, with what it knows.
  return first === 1 && usable[0]?.cut !== 0 ? [null, ...usable] : usable
}

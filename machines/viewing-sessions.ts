/** The gap rule of viewing sessions, pure: the maximal runs of a user's heartbeats with no gap over `gapMs`. */

export interface Run {
  start: number
  end: number
  /** the end that was last asked to be written to the run's document */
  written: number
}

/**
 * The runs (in time order) with a beat at `at` among them; the very same array if nothing changes.
 * A run that is new, begins earlier or swallowed another is to be written at once; one that only grew later.
 */
export function joined(runs: readonly Run[], at: number, gapMs: number): readonly Run[] {
  let low = 0
  while (low < runs.length && runs[low]!.end < at - gapMs) low++
  let high = low
  while (high < runs.length && runs[high]!.start <= at + gapMs) high++
  const touched = runs.slice(low, high)
  if (touched.length === 0) return runs.toSpliced(low, 0, { start: at, end: at, written: at })
  const first = touched[0]!
  const last = touched[touched.length - 1]!
  if (touched.length === 1 && first.start <= at && at <= first.end) return runs
  const start = Math.min(first.start, at)
  const end = Math.max(last.end, at)
  const grewOnly = touched.length === 1 && start === first.start
  return runs.toSpliced(low, high - low, { start, end, written: grewOnly ? first.written : end })
}

/** All runs as written; the very same array if they are. */
export const written = (runs: readonly Run[]): readonly Run[] =>
  runs.every(run => run.written === run.end)
    ? runs
    : runs.map(run => (run.written === run.end ? run : { ...run, written: run.end }))

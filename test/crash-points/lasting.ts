/** The time at which the first process began, and the last entry of the log that was there before it. */
interface Before {
  begin: number
  inputs: number
}

/** All processes together take no longer, deadlines that they set are no later. */
const LONGEST_MS = 600_000

/** All but when something was done after the beginning, by which of the entries that came then, and in how many attempts. */
export function lasting(found: Record<string, unknown[]>, { begin, inputs }: Before) {
  const isLater = (at: number): boolean => at >= begin && at < begin + LONGEST_MS
  const same = (text: string): string =>
    text.replace(/^(.*\/.*):(\d+):(\d+)$/, (id, actor, seq, index) =>
      Number(seq) > inputs ? `${actor}:later:${index}` : id,
    )
  const seen = (key: string, value: unknown): unknown => {
    if (key === 'detail') return undefined
    if (typeof value === 'string') return isLater(Date.parse(value)) ? 'later' : same(value)
    if (typeof value !== 'number') return value
    return isLater(value) || (key === 'seq' && value > inputs) ? 'later' : value
  }
  const shown = (each: unknown): string => JSON.stringify(each, seen)
  return Object.fromEntries(Object.entries(found).map(([name, all]) => [name, all.map(shown).sort()]))
}

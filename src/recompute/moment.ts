import { localDay } from '../../machines/local-day.ts'

const DAY_MS = 86_400_000

/** The time (ms) that a text names: a day is its beginning in the zone; null if it names none. */
export function momentOf(text: string, zone: string): number | null {
  if (/^\d{12,15}$/.test(text)) return Number(text)
  const at = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN
  const day = text.slice(0, 10)
  // A 30th of February would pass for a day in March.
  if (Number.isNaN(at) || at < 0 || !new Date(Date.parse(day)).toISOString().startsWith(day)) return null
  return text === day ? beginningOf(day, at, zone) : at
}

/** The first instant of a day in the zone, or of the next where the zone skipped it. */
function beginningOf(day: string, utc: number, zone: string): number {
  let [before, from] = [utc - DAY_MS, utc + DAY_MS]
  while (from - before > 1) {
    const middle = Math.floor((before + from) / 2)
    if (localDay(middle, zone) < day) before = middle
    else from = middle
  }
  return from
}

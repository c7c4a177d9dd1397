/** The calendar day of an instant in a time zone, `yyyy-MM-dd`. */

// Clocks change on whole minutes, and have since before 2000, so a minute never straddles midnight.
const MINUTE_MS = 60_000
const CACHED_MINUTES = 100_000

const zones = new Map<string, (ms: number) => string>()

/** `ms` since the epoch, from 2000 on; `zone` an IANA name. Throws RangeError for an unknown zone. */
export function localDay(ms: number, zone: string): string {
  let dayOf = zones.get(zone)
  if (!dayOf) {
    dayOf = inZone(zone)
    zones.set(zone, dayOf)
  }
  return dayOf(ms)
}

function inZone(zone: string): (ms: number) => string {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' })
  const days = new Map<number, string>()
  return ms => {
    const minute = Math.floor(ms / MINUTE_MS)
    let day = days.get(minute)
    if (day === undefined) {
      if (days.size >= CACHED_MINUTES) days.clear()
      day = format.format(ms)
      days.set(minute, day)
    }
    return day
  }
}

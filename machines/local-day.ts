/** The calendar day of an instant in a time zone, `yyyy-MM-dd`. */

// Offsets are multiples of a quarter of an hour since 2000, so a quarter never straddles midnight.
const QUARTER_MS = 900_000
const CACHED_QUARTERS = 50_000

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
    const quarter = Math.floor(ms / QUARTER_MS)
    let day = days.get(quarter)
    if (day === undefined) {
      if (days.size >= CACHED_QUARTERS) days.clear()
      day = format.format(ms)
      days.set(quarter, day)
    }
    return day
  }
}

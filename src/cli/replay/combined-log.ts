/** Lines of the Combined Log Format as web events. */
import { hash } from 'node:crypto'

export interface LogEvent {
  id: string
  sessionId: string
  ts: number
  page: string
  userId?: string
  referrer?: string
}

/** Why a line is none. */
export interface LineFault {
  reason: string
}

/** How many seconds of log time have counters at a time. */
const COUNTED_SECONDS = 3_600

/**
 * One log, read from its first line. An event's id is `<n>-<h>`: n is the line's place among that visitor's lines of
 * that second (the first is 0001), h the first 16 hex digits of the line's SHA-256; so equal lines differ, and
 * reading the same log again gives the same ids.
 *
 * The counters of the last 3,600 distinct seconds seen are kept, which is an hour of log time or more. Lines in
 * disorder by less than that are numbered correctly; a second that comes back later is counted from 0001 again. One
 * stray line from another year costs one of the 3,600 places and disturbs nothing else.
 */
export class CombinedLog {
  readonly #counters = new Map<number, Map<string, number>>()

  read(line: string): LogEvent | LineFault {
    const parsed = parseLine(line)
    if ('reason' in parsed) return parsed
    const place = this.#place(parsed.sessionId, parsed.ts)
    return { id: `${String(place).padStart(4, '0')}-${hash('sha256', line).slice(0, 16)}`, ...parsed }
  }

  #place(visitor: string, ts: number): number {
    const second = this.#counters.get(ts) ?? new Map<string, number>()
    const place = (second.get(visitor) ?? 0) + 1
    second.set(visitor, place)
    if (!this.#counters.has(ts)) {
      this.#counters.set(ts, second)
      if (this.#counters.size > COUNTED_SECONDS) this.#counters.delete(this.#counters.keys().next().value!)
    }
    return place
  }
}

/** What one line says by itself; escapes inside quotes (`\"`, `\x80`) stay as the web server wrote them. */
export function parseLine(line: string): Omit<LogEvent, 'id'> | LineFault {
  const parts = new Cursor(line)
  const [, visitor, user] = parts.take(WHO) ?? []
  if (visitor === undefined) return { reason: 'does not begin with visitor, ident, user and [time]' }
  const time = parts.take(TIME)
  if (!time) return { reason: 'has no time such as [31/Aug/2014:06:25:02 +0200] after the user' }
  const ts = timestamp(time)
  if (ts === undefined) return { reason: `has a time that does not exist: ${time[0].trim()}` }
  const [, request] = parts.take(QUOTED) ?? []
  if (request === undefined) return { reason: 'has no "request" after the time' }
  if (!parts.take(STATUS_AND_SIZE)) return { reason: 'has no status and size after the request' }
  const [, referrer] = parts.take(QUOTED) ?? []
  if (referrer === undefined) return { reason: 'has no "referrer" after the size' }
  if (!parts.take(QUOTED)) return { reason: 'has no "user agent" after the referrer' }
  return {
    sessionId: visitor,
    ts,
    page: pageOf(request),
    ...(user !== '-' && { userId: user! }),
    ...(referrer !== '-' && referrer !== '' && { referrer }),
  }
}

const WHO = /(\S+) \S+ (\S+(?: \S+)*?) (?=\[)/y
const TIME = /\[(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\] ?/y
const QUOTED = /"([^"\\]*(?:\\.[^"\\]*)*)"(?: |$)/y
const STATUS_AND_SIZE = /(?:\d{3}|-) (?:\d+|-) /y

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Matches one expression after the other, each where the former ended. */
class Cursor {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  take(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.#at
    const match = sticky.exec(this.#text)
    if (match) this.#at = sticky.lastIndex
    return match
  }
}

/** Undefined where the calendar or the clock has no such time. */
function timestamp(time: RegExpExecArray): number | undefined {
  const [day, year, hour, minute, second] = [time[1], time[3], time[4], time[5], time[6]].map(Number) as Five
  const month = MONTHS.indexOf(time[2]!)
  const local = new Date(Date.UTC(year, month, day, hour, minute, second))
  const sameDay = local.getUTCFullYear() === year && local.getUTCMonth() === month && local.getUTCDate() === day
  const [zoneHours, zoneMinutes] = [Number(time[8]), Number(time[9])]
  const sameTime = hour < 24 && minute < 60 && second < 60
  if (!sameDay || !sameTime || zoneHours > 23 || zoneMinutes > 59) return undefined
  return local.getTime() - (time[7] === '-' ? -1 : 1) * (zoneHours * 60 + zoneMinutes) * 60_000
}

type Five = [number, number, number, number, number]

/** The target of `GET /target HTTP/1.1`, the whole of any other request. */
function pageOf(request: string): string {
  const parts = request.split(' ').filter(part => part !== '')
  return parts.length === 3 ? parts[1]! : request
}

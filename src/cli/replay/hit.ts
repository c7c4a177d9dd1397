/** Hits: the lines of access logs in the Combined or the Common Log Format, a virtual host in front or not. */
import { isIP } from 'node:net'

export interface Hit {
  visitor: string
  userId?: string
  ts: number
  /** empty where the request names none */
  method: string
  /** the target of `GET /target HTTP/1.1`, the whole of any other request */
  page: string
  /** as it stands in the line */
  status?: string
  referrer?: string
  /** without its quotes, even where it is badly quoted or cut off */
  agent: string
}

/** A line that is no hit, and why. */
export interface LineFault {
  reason: string
}

/**
 * Reads one line; escapes inside quotes (`\"`, `\x80`) stay as the web server wrote them. Fields behind the request
 * cost nothing where they are missing, cut off or badly quoted: `"GET / HTTP/1.1" 200 5 "-" "Mozil` is a hit.
 */
export function parseHit(line: string): Hit | LineFault {
  const parts = new Cursor(line)
  const [, before = ''] = parts.take(HEAD) ?? parts.take(ANY_HEAD) ?? []
  const head = before.match(FIELD) ?? []
  if (head.length < 3) return { reason: 'does not begin with visitor, ident, user and [time]' }
  const time = parts.take(TIME)
  if (!time) return { reason: 'has no time such as [31/Aug/2014:06:25:02 +0200] after the user' }
  const ts = timestamp(time)
  if (ts === undefined) return { reason: `has a time that does not exist: ${time[0].trim()}` }
  const [, request] = parts.take(QUOTED) ?? parts.take(CUT_REQUEST) ?? []
  if (request === undefined) return { reason: 'has no "request" after the time' }
  const [, status] = parts.take(WORD) ?? []
  parts.take(WORD)
  const [, referrer] = parts.take(QUOTED) ?? parts.take(BADLY_QUOTED) ?? []
  const [, agent] = parts.take(QUOTED) ?? parts.take(REST)!
  return {
    ...whoOf(head),
    ts,
    ...requestOf(request),
    ...(status !== undefined && { status }),
    ...(referrer !== undefined && referrer !== '-' && referrer !== '' && { referrer }),
    agent: agent!,
  }
}

/** Everything before the time, and where there is none, before the first bracket. */
const HEAD = /(.*?) (?=\[\d\d\/)/y
const ANY_HEAD = /(.*?) (?=\[)/y
/** A field in quotes, a list with commas, or a word. */
const FIELD = /"(?:[^"\\]|\\.)*"(?= |$)|[^\s,]+(?:\s*,\s*(?!-(?:\s|$))[^\s,]+)+|\S+/g
const TIME = /\[(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\] ?/y
const QUOTED = /"([^"\\]*(?:\\.[^"\\]*)*)"(?: |$)/y
/** A request that lacks its end, but not its target. */
const CUT_REQUEST = /"(\S+ \S+ H[A-Z\d/.]*)$/y
const WORD = /([^\s"]+)(?: |$)/y
/** A field with bare quotes in it, before another that is quoted. */
const BADLY_QUOTED = /"(.*?)" (?=")/y
const REST = /"?(.*?)"?$/sy

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

function whoOf(head: string[]): { visitor: string; userId?: string } {
  const at = clientAt(head)
  // An empty field more, as a proxy's `-` for no forwarded address, is no part of a user's name.
  const user = unquoted(
    head
      .slice(at + 2)
      .join(' ')
      .replace(/^(?:- )+/, ''),
  )
  return { visitor: clientOf(head[at]!), ...(user !== '-' && user !== '' && { userId: user }) }
}

/**
 * Where the client stands: first, unless the name of a virtual host or another address stands before it. With
 * `shop.example:443 203.0.113.7 - kim` it is the second field, with `203.0.113.7 - Kim Lee` the first.
 */
function clientAt(head: string[]): number {
  const [first, second, third] = head as [string, string, string]
  if (head.length < 4 || (second === '-' && !/\D:\d+$/.test(first))) return 0
  if (head.length > 4 && !isClient(second) && isClient(third)) return 2
  return isClient(second) || (third === '-' && isIP(first) === 0) ? 1 : 0
}

/** The first address of an `X-Forwarded-For` list, else the field as it stands. */
function clientOf(field: string): string {
  const text = unquoted(field)
  const [address] = text.split(',').map(bare).filter(isIP)
  return text.includes(',') && address !== undefined ? address : text
}

const isClient = (field: string): boolean =>
  unquoted(field)
    .split(',')
    .some(part => isIP(bare(part)) !== 0)

/** An address without the brackets and the port that a proxy may put to it: `[2001:db8::1]:443`, `203.0.113.7:443`. */
const bare = (address: string): string => address.trim().replace(/^\[(.*)\](?::\d+)?$|^([\d.]+):\d+$/, '$1$2')

const unquoted = (field: string): string => (/^".*"$/.test(field) ? field.slice(1, -1) : field)

function requestOf(request: string): { method: string; page: string } {
  const parts = request.split(' ').filter(part => part !== '')
  const isWhole = parts.length === 3
  return { method: parts.length < 2 ? '' : parts[0]!, page: isWhole ? parts[1]! : request }
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

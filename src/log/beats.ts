import { isAscii } from 'node:buffer'
import type { Event } from '../../actors/event.ts'
import { Heard, type KnownPlace } from './heard.ts'

/**
 * Heartbeats as entries keep them: a row each, since they are nearly all there is. All that a viewer's beats have in
 * common while it stays where it is is one text, its place, which is read once for all rows that have the same.
 */

/** Where a beat was: all of it but who, and when. Those that are alike are mostly one. */
export interface Place {
  path: string
  stream: string | null
  country: string
  groups: readonly string[]
  /** what the stream showed, where that was known */
  streamer?: string
  preset?: string
}

/** An event of which a row holds all. */
export type Beat = Event & Place

export const KIND = 'heartbeat'
/** Fields of a beat, without what its stream showed and with it. */
const [FIELDS, FIELDS_OF_SHOW] = [9, 11]
/** Bytes of a key, and units of a place. */
export const MOST_KEY = 256
const MOST_PLACE = 4_096
/** In UTF-8 a unit takes so many bytes at most. */
export const UNIT_BYTES = 3
/** Bytes of a place; longer ones are not kept. */
export const MOST_PLACE_BYTES = UNIT_BYTES * MOST_PLACE
/** The text of a place begins with a digit that is no more. */
const MOST_MARKS = 0x33
const HEAD_BYTES = 8
/** The bytes of a row, beside its texts; its marks: a key that is not ASCII, times that four bytes do not hold. */
export const ROW = { bytes: 21, wideKey: 1, wideAt: 4, wideArrival: 8 } as const
const SEPARATOR = '\0'
/** The greatest time that a date can have, in ms. */
const LAST_INSTANT = 8.64e15
/** Bytes of the places that are known of former rows, and how many one takes beside its text. */
const [MOST_KNOWN, PLACE_BYTES] = [16_777_216, 192]

const isPlain = (text: unknown): text is string =>
  typeof text === 'string' && !text.includes(SEPARATOR) && text.isWellFormed()

/** True if a date can have the time. */
export const isInstant = (at: number): boolean => Math.abs(at) <= LAST_INSTANT

const isWholeInstant = (at: unknown): boolean => Number.isSafeInteger(at) && isInstant(at as number)

const isKey = (key: unknown): boolean =>
  isPlain(key) && (key.length <= MOST_KEY / UNIT_BYTES || Buffer.byteLength(key) <= MOST_KEY)

/** True if a row holds all of the event, and nothing that reading would refuse. */
export function isBeat(event: Event): event is Beat {
  const { kind, key, id, at, arrival, path, stream, country, groups, streamer, preset } = (event ?? {}) as Beat
  if (kind !== KIND || id !== '' || !isWholeInstant(at) || !isWholeInstant(arrival) || !isKey(key)) return false
  let fields = 0
  for (const _ in event) fields++
  if (fields !== (streamer === undefined ? FIELDS : FIELDS_OF_SHOW)) return false
  return isPlace({ path, stream, country, groups, streamer, preset } as Place)
}

/** True if a row holds all of it. */
export function isPlace({ path, stream, country, groups, streamer, preset }: Place): boolean {
  if (!isPlain(path) || !isPlain(country) || !(stream === null || isPlain(stream))) return false
  if (streamer !== undefined && !(isPlain(streamer) && isPlain(preset))) return false
  if (!Array.isArray(groups) || !groups.every(isPlain)) return false
  let units = FIELDS_OF_SHOW + groups.length + path.length + country.length
  units += (stream?.length ?? 0) + (streamer?.length ?? 0) + (preset?.length ?? 0)
  for (const group of groups) units += group.length
  return units <= MOST_PLACE
}

/** The place as a text: which of its fields there are, then all, then the groups. */
export function placeText({ path, stream, country, groups, streamer, preset }: Place): string {
  const marks = (stream === null ? 0 : 1) + (streamer === undefined ? 0 : 2)
  let text = `${marks}${path}\0${country}`
  if (stream !== null) text += SEPARATOR + stream
  if (streamer !== undefined) text += SEPARATOR + streamer + SEPARATOR + preset
  for (const group of groups) text += SEPARATOR + group
  return text
}

function placeOf(text: string): Place {
  const marks = text.charCodeAt(0) - 48
  const [path, country, ...rest] = text.slice(1).split(SEPARATOR) as [string, string, ...string[]]
  const stream = marks & 1 ? rest.shift()! : null
  const show = marks & 2 ? { streamer: rest.shift()!, preset: rest.shift()! } : undefined
  return { path, stream, country, groups: rest, ...show }
}

const places = new Map<string, KnownPlace<Place>>()
export const heard = new Heard<Place>()
let known = 0

/** The place that is read from these bytes, which alone say which it is, so that nobody can give others another one. */
export function placeIn<T extends Place | undefined>(
  bytes: Buffer,
  start: number,
  end: number,
  slot: number,
  read: () => T,
): Place | T {
  const name = bytes.toString('latin1', start, end)
  let found = places.get(name)
  if (!found) {
    const place = read()
    if (place === undefined || end - start > MOST_PLACE_BYTES) return place
    found = { place, bytes: Uint8Array.prototype.slice.call(bytes, start, end) }
    const size = 2 * (end - start) + PLACE_BYTES
    if (known + size > MOST_KNOWN) {
      places.clear()
      heard.clear()
      known = 0
    }
    known += size
    places.set(name, found)
  }
  if (slot >= 0) heard.setPlace(slot, found)
  return found.place
}

/** A place of a row. Bytes that no row begins with may be a place of another form: these have no slot, and are not kept. */
function placeInRow(bytes: Buffer, start: number, end: number, slot: number | null): Place {
  const read = (): Place => placeOf(bytes.toString('utf8', start, end))
  return slot === null ? read() : placeIn(bytes, start, end, slot, read)
}

/** Heartbeats that were read, in columns. */
export class Beats {
  readonly kind = KIND
  readonly length: number
  readonly keys: string[]
  readonly places: Place[]
  /** ms */
  readonly ats: number[]
  readonly arrivals: number[]
  #events: (Event | undefined)[] | undefined

  constructor({ length, keys, places, ats, arrivals }: Omit<Beats, 'kind' | 'event' | 'events'>) {
    this.length = length
    this.keys = keys
    this.places = places
    this.ats = ats
    this.arrivals = arrivals
  }

  events(from: number, to: number): Event[] {
    return Array.from({ length: to - from }, (_, i) => this.event(from + i))
  }

  /** The event of a row, which is always the same. */
  event(row: number): Event {
    this.#events ??= []
    let event = this.#events[row]
    if (!event) {
      const [key, at, arrival] = [this.keys[row]!, this.ats[row]!, this.arrivals[row]!]
      event = { kind: KIND, key, id: '', at, arrival, ...this.places[row]! }
      this.#events[row] = event
    }
    return event
  }
}

/** The beats of rows; `rows` is how many are expected. Throws a RangeError where the bytes are not what was packed. */
export function beatsOfRows(bytes: Buffer, start: number, end: number, rows = 0): Beats {
  if (end - start < HEAD_BYTES) throw new RangeError('There is no time.')
  const base = bytes.readDoubleLE(start)
  const keys = new Array<string>(rows)
  const places = new Array<Place>(rows)
  const ats = new Array<number>(rows)
  const arrivals = new Array<number>(rows)
  let row = 0
  for (let at = start + HEAD_BYTES; at < end; row++) {
    const marks = bytes[at]!
    at += 1
    if (marks & ROW.wideAt) {
      ats[row] = instant(bytes.readDoubleLE(at))
      at += 8
    } else {
      ats[row] = instant(base + int32In(bytes, at))
      at += 4
    }
    if (marks & ROW.wideArrival) {
      arrivals[row] = instant(bytes.readDoubleLE(at))
      at += 8
    } else {
      arrivals[row] = instant(base + int32In(bytes, at))
      at += 4
    }
    const from = at + 4
    const keyEnd = from + uint16In(bytes, at)
    at = keyEnd + uint16In(bytes, at + 2)
    if (at > end) throw new RangeError('A row ends behind the last one.')
    const slot = marks & ROW.wideKey ? -1 : heard.slotOf(bytes, from, keyEnd)
    const key = slot < 0 ? undefined : heard.keyOf(slot, bytes, from, keyEnd)
    keys[row] = key ?? keyIn(bytes, from, keyEnd, marks, slot)
    const isOfRow = bytes[keyEnd]! <= MOST_MARKS && keyEnd < at
    const place = key === undefined || !isOfRow ? undefined : heard.placeOf(slot, bytes, keyEnd, at)
    places[row] = place ?? placeInRow(bytes, keyEnd, at, isOfRow ? slot : null)
  }
  return new Beats({ length: row, keys, places, ats, arrivals })
}

const uint16In = (bytes: Buffer, at: number): number => bytes[at]! | (bytes[at + 1]! << 8)

const int32In = (bytes: Buffer, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)

function instant(at: number): number {
  if (isInstant(at)) return at
  throw new RangeError('A time is no date.')
}

function keyIn(bytes: Buffer, start: number, end: number, marks: number, slot: number): string {
  const key = bytes.toString(marks & ROW.wideKey ? 'utf8' : 'latin1', start, end)
  if (end - start > MOST_KEY / UNIT_BYTES && Buffer.byteLength(key) > MOST_KEY)
    throw new RangeError('A key is too long.')
  if (slot >= 0 && isAscii(bytes.subarray(start, end))) heard.setKey(slot, key, bytes, start, end)
  return key
}

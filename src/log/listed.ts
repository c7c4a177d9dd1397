import { isAscii } from 'node:buffer'
import { Beats, heard, isInstant, KIND, MOST_KEY, MOST_PLACE_BYTES, type Place, placeIn } from './beats.ts'
import { FLOAT_64, LIST, LIST_15, LIST_16, listIn, NONE, packr, TEXT, TEXT_8, TEXT_16, TEXT_31 } from './msgpack.ts'

/**
 * Heartbeats as they lie in entries without rows: events in a list like others, which processes of former versions read
 * too. Here they are read from the bytes, without an event of each, where all of a list are heartbeats as the bridge stamps
 * them and msgpackr packs them.
 */

/** Bytes that hold no others in memory with them. */
const packed = (value: unknown): Buffer => {
  const bytes = packr.pack(value)
  const own = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(own)
  return own
}

const FIELDS = ['kind', 'key', 'id', 'at', 'arrival', 'path', 'stream', 'country', 'groups']
/** Names of the fields of a beat, without what its stream showed and with it: both structures that there are. */
export const NAMES: readonly Buffer[] = [packed(FIELDS), packed([...FIELDS, 'streamer', 'preset'])]
/** The place of that with it among both. */
export const OF_SHOW = 1
/** The kind of an event, with which it begins once its structure was described. */
export const KIND_BYTES = packed(KIND)
/** A structure is described behind these marks and its own, which begin here and are then the mark of its events. */
export const [DESCRIBED, STRUCTURE, FIRST] = [0xd4, 0x72, 0x40]
/** A double, with its mark. */
export const FLOAT_BYTES = 9
/** Bytes that an event has at least: its mark, kind, key, id and times, and four fields. */
const LEAST_BYTES = 1 + KIND_BYTES.length + 2 + 2 * FLOAT_BYTES + 4
/** In the place of where it goes on: it is read as others are. */
const ODD = -1

/** The fields of a place, which in an event are those behind its times. */
export function fieldsOf({ path, stream, country, groups, streamer, preset }: Place): Buffer {
  const show = streamer === undefined ? [] : [streamer, preset]
  const list = packed([path, stream, country, groups, ...show])
  return list.subarray(1)
}

/** The `count` heartbeats that take all bytes from `start` on; undefined if these are anything else, or not to be read here. */
export function listedBeats(bytes: Buffer, start: number, count: number): Beats | undefined {
  if (count * LEAST_BYTES > bytes.length - start) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const keys = new Array<string>(count)
  const places = new Array<Place>(count)
  const ats = new Array<number>(count)
  const arrivals = new Array<number>(count)
  /** which of both structures were described, in their order */
  const structures: number[] = []
  let at = start
  for (let row = 0; row < count; row++) {
    const described = bytes[at] === DESCRIBED ? structureAt(bytes, at, structures) : undefined
    if (described !== undefined) {
      structures.push(described)
      at += 3 + NAMES[described]!.length
    }
    const structure = described ?? structures[bytes[at++]! - FIRST]
    if (structure === undefined || !isThere(KIND_BYTES, bytes, at)) return undefined
    const text = at + KIND_BYTES.length
    const keyEnd = pastText(bytes, text)
    const from = bytes[text] === TEXT_8 ? text + 2 : text + 1
    const fields = keyEnd + 1 + 2 * FLOAT_BYTES
    // No key is so long that its length takes two bytes.
    if (bytes[text] === TEXT_16 || keyEnd === ODD || keyEnd - from > MOST_KEY) return undefined
    // Fields begin with a text, which no place of a row does.
    if (fields >= bytes.length || bytes[fields]! < TEXT) return undefined
    if (bytes[keyEnd] !== TEXT || bytes[keyEnd + 1] !== FLOAT_64 || bytes[keyEnd + 10] !== FLOAT_64) return undefined
    ats[row] = view.getFloat64(keyEnd + 2)
    arrivals[row] = view.getFloat64(keyEnd + 11)
    if (!isInstant(ats[row]!) || !isInstant(arrivals[row]!)) return undefined
    let slot = heard.slotOf(bytes, from, keyEnd)
    let key = slot < 0 ? undefined : heard.keyOf(slot, bytes, from, keyEnd)
    const known = key === undefined ? undefined : heard.knownAt(slot, bytes, fields)
    if (key === undefined) {
      const isPlain = isAscii(bytes.subarray(from, keyEnd))
      key = isPlain
        ? bytes.toString('latin1', from, keyEnd)
        : (thingsOf(1, bytes.subarray(text, keyEnd))?.[0] as string | undefined)
      if (key === undefined) return undefined
      if (!isPlain) slot = -1
      else if (slot >= 0) heard.setKey(slot, key, bytes, from, keyEnd)
    }
    keys[row] = key
    const hasShow = structure === OF_SHOW
    if (known && (known.place.streamer !== undefined) === hasShow) {
      places[row] = known.place
      at = fields + known.bytes.length
      continue
    }
    at = pastPlace(bytes, fields, hasShow)
    if (at === ODD || at - fields > MOST_PLACE_BYTES) return undefined
    const place = placeIn(bytes, fields, at, slot, () => placeOf(bytes.subarray(fields, at), hasShow))
    if (place === undefined) return undefined
    places[row] = place
  }
  return at === bytes.length ? new Beats({ length: count, keys, places, ats, arrivals }) : undefined
}

/** The structure that is described there, as the next one; undefined if none of those that are still to come. */
function structureAt(bytes: Buffer, at: number, structures: readonly number[]): number | undefined {
  if (bytes[at + 1] !== STRUCTURE || bytes[at + 2] !== FIRST + structures.length) return undefined
  const found = NAMES.findIndex((names, i) => !structures.includes(i) && isThere(names, bytes, at + 3))
  return found < 0 ? undefined : found
}

function isThere(these: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < these.length; i++) if (these[i] !== bytes[at + i]) return false
  return true
}

/** The things whose bytes these are; undefined if they are not what would be packed of them, which may be read in more than one way. */
function thingsOf(count: number, bytes: Buffer): unknown[] | undefined {
  const list = Buffer.concat([Buffer.of(LIST + count), bytes])
  const things = listIn(list)
  return things && packr.pack(things).equals(list) ? things : undefined
}

/** Past a text; what is behind something odd is odd too. */
function pastText(bytes: Buffer, at: number): number {
  const mark = bytes[at]!
  let end = ODD
  if (mark >= TEXT && mark <= TEXT_31) end = at + 1 + mark - TEXT
  else if (mark === TEXT_8) end = at + 2 + bytes[at + 1]!
  else if (mark === TEXT_16) end = at + 3 + ((bytes[at + 1]! << 8) | bytes[at + 2]!)
  return end <= bytes.length ? end : ODD
}

function pastPlace(bytes: Buffer, start: number, hasShow: boolean): number {
  let at = pastText(bytes, start)
  at = bytes[at] === NONE ? at + 1 : pastText(bytes, at)
  at = pastText(bytes, at)
  const mark = bytes[at]!
  let groups = 0
  if (mark >= LIST && mark <= LIST_15) groups = mark - LIST
  else if (mark === LIST_16) {
    groups = (bytes[at + 1]! << 8) | bytes[at + 2]!
    at += 2
  } else return ODD
  at += 1
  for (let i = 0; i < groups && at !== ODD; i++) at = pastText(bytes, at)
  return hasShow ? pastText(bytes, pastText(bytes, at)) : at
}

/** The place whose fields these are. */
function placeOf(fields: Buffer, hasShow: boolean): Place | undefined {
  const things = thingsOf(hasShow ? 6 : 4, fields)
  if (!things) return undefined
  const [path, stream, country, groups, streamer, preset] = things
  return { path, stream, country, groups, ...(hasShow && { streamer, preset }) } as Place
}

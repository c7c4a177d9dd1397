import { isUtf8 } from 'node:buffer'
import { hashedOn, hashOf, SEED } from '../log/hash.ts'
import { ID_BYTES, MAX_BATCH, MAX_GROUPS, PAGE_BYTES } from './inputs.ts'

/** Numbers of a row: beginning, end and hash of the id and of the path, the country, the same three of the groups. */
export const ROW = 10
/** Offsets among them. Where a beat has no country or no groups, -1 stands there. */
export const KEY = 0
export const PATH = 3
export const COUNTRY = 6
export const GROUPS = 7

/**
 * Heartbeats as they lie in the bytes that came, found in one pass: where their ids, paths and groups are; nothing is made
 * of them yet. They are all such as the schema takes as they are, in plain JSON: without an escape, and without a field
 * that is unknown, or there twice.
 */
export class Scanned {
  readonly bytes: Buffer
  readonly length: number
  readonly rows: Int32Array
  /** ms; -1 where a beat has none */
  readonly ats: Float64Array

  constructor(bytes: Buffer, length: number) {
    this.bytes = bytes
    this.length = length
    this.rows = rows.slice(0, length * ROW)
    this.ats = ats.slice(0, length)
  }

  /** True if all are of this user. */
  areOf(userId: string | null): boolean {
    for (let row = 0; row < this.rows.length; row += ROW)
      if (this.bytes.toString('utf8', this.rows[row + KEY], this.rows[row + KEY + 1]) !== userId) return false
    return true
  }

  /** The records as JSON has them. */
  records(): unknown {
    return JSON.parse(this.bytes.toString())
  }
}

/** Two letters as one number. */
export const countryOf = (first: number, second: number): number => (first << 8) | second

// A pass is over before another one begins.
const rows = new Int32Array(MAX_BATCH * ROW)
const ats = new Float64Array(MAX_BATCH)

/** In the place of where it goes on: what comes is for the schema to judge. */
const ODD = -1
const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const ESCAPE = 0x5c
const DELETE = 0x7f
/** Begins, in UTF-8, the controls behind it, which no id may hold; what else it begins, as `£`, is seldom there. */
const BEFORE_CONTROLS = 0xc2
const SPACE = 0x20
const SPACES = [SPACE, 0x09, 0x0a, 0x0d]
const ZERO = 0x30
const NINE = 0x39
const LIST = 0x5b
const LIST_END = 0x5d
const RECORD = 0x7b
const RECORD_END = 0x7d
const A = 0x41
const Z = 0x5a
/** Clears what makes a letter a small one. */
const CAPITAL = 0xdf
/** Bytes are held until the log has their rows: more of them for each row are not. */
const MOST_BYTES = 16_384
/** A number of so many digits is exact. */
const MOST_DIGITS = 15

/** A 1 for each byte behind which a text goes on. */
const GOES_ON = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= SPACE && ![QUOTE, ESCAPE, DELETE, BEFORE_CONTROLS].includes(byte) ? 1 : 0,
)

const wordOf = (text: string): number => Buffer.from(text).readUInt32BE()
/** Names of fields in their quotes: the first four bytes, which are looked at at once, and the last four. */
const USER_ID = wordOf('"use')
const USER_ID_END = wordOf('rId"')
const PATH_OF = wordOf('"pat')
const PATH_END = wordOf('ath"')
const AT = wordOf('"at"')
const COUNTRY_OF = wordOf('"cou')
const COUNTRY_END = wordOf('try"')
const GROUPS_OF = wordOf('"gro')
const GROUPS_END = wordOf('ups"')
const NULL = wordOf('null')
/** The fifth of the country's name, between these. */
const N = 0x6e
/** Marks of the fields that a record has, and those that it needs. */
const HAS_ID = 1
const HAS_PATH = 2
const HAS_AT = 4
const HAS_COUNTRY = 8
const HAS_GROUPS = 16
const NEEDED = HAS_ID | HAS_PATH

/** Null if they are for the schema to judge. */
export function scan(bytes: Buffer): Scanned | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = pastSpace(bytes, 0)
  let count = 0
  if (bytes[at] === RECORD) {
    at = pastRecord(bytes, view, at + 1, count++)
  } else if (bytes[at] === LIST) {
    do {
      at = pastSpace(bytes, at + 1)
      if (count === MAX_BATCH || bytes[at] !== RECORD) return null
      at = pastRecord(bytes, view, at + 1, count++)
      if (at === ODD) return null
      at = pastSpace(bytes, at)
    } while (bytes[at] === COMMA)
    at = bytes[at] === LIST_END ? at + 1 : ODD
  } else return null
  const isWhole = at !== ODD && pastSpace(bytes, at) === bytes.length && bytes.length <= count * MOST_BYTES
  return isWhole && isUtf8(bytes) ? new Scanned(bytes, count) : null
}

function pastSpace(bytes: Buffer, from: number): number {
  let at = from
  while (bytes[at]! <= SPACE && SPACES.includes(bytes[at]!)) at++
  return at
}

/** Past the colon behind the name that ends there, and what space there is. */
function pastColon(bytes: Buffer, end: number): number {
  const at = pastSpace(bytes, end)
  return bytes[at] === COLON ? pastSpace(bytes, at + 1) : bytes.length
}

/** Four bytes; 0 where there are none. */
const wordAt = (view: DataView, at: number): number => (at + 4 <= view.byteLength ? view.getUint32(at) : 0)

function pastRecord(bytes: Buffer, view: DataView, from: number, count: number): number {
  const row = count * ROW
  ats[count] = -1
  rows[row + COUNTRY] = -1
  rows[row + GROUPS] = -1
  let seen = 0
  for (let at = from; ; at++) {
    at = pastSpace(bytes, at)
    const name = wordAt(view, at)
    let field = 0
    if (name === USER_ID && wordAt(view, at + 4) === USER_ID_END) {
      field = HAS_ID
      at = pastText(bytes, pastColon(bytes, at + 8), ID_BYTES, row + KEY)
      if (rows[row + KEY] === rows[row + KEY + 1]) return ODD
    } else if (name === PATH_OF && wordAt(view, at + 2) === PATH_END) {
      field = HAS_PATH
      at = pastText(bytes, pastColon(bytes, at + 6), PAGE_BYTES, row + PATH)
    } else if (name === AT) {
      field = HAS_AT
      at = pastColon(bytes, at + 4)
      at = wordAt(view, at) === NULL ? at + 4 : pastTime(bytes, at, count)
    } else if (name === COUNTRY_OF && bytes[at + 4] === N && wordAt(view, at + 5) === COUNTRY_END) {
      field = HAS_COUNTRY
      at = pastColon(bytes, at + 9)
      at = wordAt(view, at) === NULL ? at + 4 : pastCountry(bytes, at, row)
    } else if (name === GROUPS_OF && wordAt(view, at + 4) === GROUPS_END) {
      field = HAS_GROUPS
      at = pastColon(bytes, at + 8)
      at = wordAt(view, at) === NULL ? at + 4 : pastGroups(bytes, at, row)
    }
    if (field === 0 || at === ODD || seen & field) return ODD
    seen |= field
    at = pastSpace(bytes, at)
    if (bytes[at] === RECORD_END) return (seen & NEEDED) === NEEDED ? at + 1 : ODD
    if (bytes[at] !== COMMA) return ODD
  }
}

/** Past a text of so many bytes at most. */
function pastText(bytes: Buffer, quote: number, most: number, place: number): number {
  if (bytes[quote] !== QUOTE) return ODD
  const end = Math.min(bytes.length, quote + most + 2)
  let hash = SEED
  let at = quote + 1
  for (; at < end && GOES_ON[bytes[at]!] === 1; at++) hash = hashedOn(hash, bytes[at]!)
  if (at === end || bytes[at] !== QUOTE) return ODD
  rows[place] = quote + 1
  rows[place + 1] = at
  rows[place + 2] = hash
  return at + 1
}

function pastTime(bytes: Buffer, from: number, count: number): number {
  let at = from
  let time = 0
  for (; bytes[at]! >= ZERO && bytes[at]! <= NINE; at++) time = time * 10 + bytes[at]! - ZERO
  const digits = at - from
  if (digits === 0 || digits > MOST_DIGITS || (bytes[from] === ZERO && digits > 1)) return ODD
  ats[count] = time
  return at
}

function pastCountry(bytes: Buffer, at: number, row: number): number {
  const first = bytes[at + 1]! & CAPITAL
  const second = bytes[at + 2]! & CAPITAL
  if (bytes[at] !== QUOTE || first < A || first > Z || second < A || second > Z || bytes[at + 3] !== QUOTE) return ODD
  rows[row + COUNTRY] = countryOf(first, second)
  return at + 4
}

function pastGroups(bytes: Buffer, list: number, row: number): number {
  if (bytes[list] !== LIST) return ODD
  let at = pastSpace(bytes, list + 1)
  for (let count = 0; bytes[at] !== LIST_END; count++) {
    if (count === MAX_GROUPS) return ODD
    // The place of the groups serves until it is known where they end.
    at = pastText(bytes, at, ID_BYTES, row + GROUPS)
    if (at === ODD || rows[row + GROUPS] === rows[row + GROUPS + 1]) return ODD
    at = pastSpace(bytes, at)
    if (bytes[at] !== COMMA) break
    at = pastSpace(bytes, at + 1)
    if (bytes[at] !== QUOTE) return ODD
  }
  if (bytes[at] !== LIST_END) return ODD
  rows[row + GROUPS] = list + 1
  rows[row + GROUPS + 1] = at
  rows[row + GROUPS + 2] = hashOf(bytes, list + 1, at)
  return at + 1
}

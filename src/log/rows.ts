import type { Event } from '../../actors/event.ts'
import { type Beat, isPlace, KIND, type Place, placeText, ROW, UNIT_BYTES } from './beats.ts'
import { fieldsOf } from './listed.ts'

/** Heartbeats on their way into entries, where they are rows or, without an object of each, a list; see `Beats` for the way back. */

/** A place, and the bytes of it in entries, which are made once. */
export class Written {
  readonly place: Place
  #text: Buffer | undefined
  #fields: Buffer | undefined

  constructor(place: Place) {
    this.place = place
  }

  /** In UTF-8, as rows have it. */
  get text(): Buffer {
    this.#text ??= keptBytes(placeText(this.place))
    return this.#text
  }

  /** As lists have it. */
  get fields(): Buffer {
    this.#fields ??= fieldsOf(this.place)
    return this.#fields
  }
}

/** Bytes of the text that hold no others in memory with them, as small ones of `Buffer.from` do. */
export function keptBytes(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
  bytes.write(text)
  return bytes
}

/** Null if a row cannot hold it: it goes as others do, in a list of events too. */
export const placed = (place: Place): Written | null => (isPlace(place) ? new Written(place) : null)

/** Heartbeats that came together, in columns; their ids are where they came, in bytes of UTF-8. */
export class Columns implements Iterable<Event> {
  readonly bytes: Buffer
  /** of each id: where it begins, where it ends, and the hash that names its partition */
  readonly keys: Int32Array
  /** ms */
  readonly ats: Float64Array
  readonly arrival: number
  readonly places: readonly Written[]

  constructor({ bytes, keys, ats, arrival, places }: Pick<Columns, 'bytes' | 'keys' | 'ats' | 'arrival' | 'places'>) {
    this.bytes = bytes
    this.keys = keys
    this.ats = ats
    this.arrival = arrival
    this.places = places
  }

  get length(): number {
    return this.places.length
  }

  hash(row: number): number {
    return this.keys[KEY * row + 2]!
  }

  event(row: number): Event {
    const key = this.bytes.toString('utf8', this.keys[KEY * row], this.keys[KEY * row + 1])
    return { kind: KIND, key, id: '', at: this.ats[row]!, arrival: this.arrival, ...this.places[row]!.place }
  }

  *[Symbol.iterator](): Generator<Event> {
    for (let row = 0; row < this.length; row++) yield this.event(row)
  }
}

/** Numbers of an id in columns. */
export const KEY = 3

/** Rows of columns that are of one partition. */
export class Rows implements Iterable<Event> {
  readonly columns: Columns
  readonly rows: number[] = []

  constructor(columns: Columns) {
    this.columns = columns
  }

  get length(): number {
    return this.rows.length
  }

  *[Symbol.iterator](): Generator<Event> {
    for (const row of this.rows) yield this.columns.event(row)
  }
}

let scratch = Buffer.allocUnsafe(65_536)
/** A text that is no longer is copied byte by byte, which is sooner done than a call. */
const SHORT = 24

/** Writes rows one after another. */
export class Packing {
  #base = 0
  #end = 0

  get isEmpty(): boolean {
    return this.#end === 0
  }

  /** Valid until another one writes. */
  get bytes(): Buffer {
    return scratch.subarray(0, this.#end)
  }

  add(beat: Beat): void {
    const { key, at, arrival } = beat
    const place = placeText(beat)
    const start = this.#begin(arrival, UNIT_BYTES * (key.length + place.length))
    const lengths = this.#times(start, at, arrival)
    const keyBytes = scratch.write(key, lengths + 4)
    const placeBytes = scratch.write(place, lengths + 4 + keyBytes)
    if (keyBytes !== key.length) scratch[start]! |= ROW.wideKey
    this.#close(lengths, keyBytes, placeBytes)
  }

  addAll({ columns, rows }: Rows): void {
    const { bytes, keys, ats, arrival, places } = columns
    for (const row of rows) {
      const { text } = places[row]!
      const from = keys[KEY * row]!
      const keyBytes = keys[KEY * row + 1]! - from
      const start = this.#begin(arrival, keyBytes + text.length)
      const lengths = this.#times(start, ats[row]!, arrival)
      const end = lengths + 4 + keyBytes
      let all = 0
      for (let i = 0; i < keyBytes; i++) {
        const byte = bytes[from + i]!
        scratch[lengths + 4 + i] = byte
        all |= byte
      }
      if (all > 0x7f) scratch[start]! |= ROW.wideKey
      if (text.length > SHORT) scratch.set(text, end)
      else for (let i = 0; i < text.length; i++) scratch[end + i] = text[i]!
      this.#close(lengths, keyBytes, text.length)
    }
  }

  /** Where the row begins, of which the texts take so many bytes at most. */
  #begin(arrival: number, most: number): number {
    if (this.#end === 0) {
      this.#base = arrival
      this.#end = scratch.writeDoubleLE(arrival, 0)
    }
    const needed = this.#end + ROW.bytes + most
    if (needed > scratch.length) scratch = Buffer.concat([scratch], 2 * needed)
    return this.#end
  }

  /** Writes the marks and the times; answers where the lengths of the texts stand. */
  #times(start: number, at: number, arrival: number): number {
    let marks = 0
    let end = start + 1
    const back = at - this.#base
    const later = arrival - this.#base
    if ((back | 0) === back) end = scratch.writeInt32LE(back, end)
    else {
      marks |= ROW.wideAt
      end = scratch.writeDoubleLE(at, end)
    }
    if ((later | 0) === later) end = scratch.writeInt32LE(later, end)
    else {
      marks |= ROW.wideArrival
      end = scratch.writeDoubleLE(arrival, end)
    }
    scratch[start] = marks
    return end
  }

  #close(lengths: number, keyBytes: number, placeBytes: number): void {
    scratch.writeUInt16LE(keyBytes, lengths)
    scratch.writeUInt16LE(placeBytes, lengths + 2)
    this.#end = lengths + 4 + keyBytes + placeBytes
  }
}

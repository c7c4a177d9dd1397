import { DESCRIBED, FIRST, FLOAT_BYTES, KIND_BYTES, NAMES, OF_SHOW, STRUCTURE } from './listed.ts'
import { FLOAT_64, TEXT, TEXT_8, TEXT_16, TEXT_31 } from './msgpack.ts'
import { KEY, type Rows } from './rows.ts'

/** Bytes that are no more are copied one by one, which is sooner done than a call; so is a part, which would need an object. */
const SHORT = 24

/** Writes rows, behind `head`, as the list of events that msgpackr would make of them; each time is a double, as it makes of times since 1970-02-19. */
export function listOf(head: Uint8Array, all: readonly Rows[]): Buffer {
  let size = head.length + NAMES[0]!.length + NAMES[OF_SHOW]!.length + 4
  for (const { columns, rows } of all) {
    for (const row of rows) {
      const keyBytes = columns.keys[KEY * row + 1]! - columns.keys[KEY * row]!
      size += EVENT_BYTES + keyBytes + columns.places[row]!.fields.length
    }
  }
  const list = Buffer.allocUnsafe(size)
  const view = new DataView(list.buffer, list.byteOffset, size)
  const structures: number[] = []
  let at = copied(head, 0, head.length, list, 0)
  for (const { columns, rows } of all) {
    const { bytes, keys, ats, arrival, places } = columns
    for (const row of rows) {
      const { place, fields } = places[row]!
      const structure = place.streamer === undefined ? 0 : OF_SHOW
      let described = structures.indexOf(structure)
      if (described < 0) {
        described = structures.push(structure) - 1
        list[at++] = DESCRIBED
        list[at++] = STRUCTURE
        list[at++] = FIRST + described
        at = copied(NAMES[structure]!, 0, NAMES[structure]!.length, list, at)
      } else list[at++] = FIRST + described
      at = copied(KIND_BYTES, 0, KIND_BYTES.length, list, at)
      const from = keys[KEY * row]!
      const keyEnd = keys[KEY * row + 1]!
      at = copied(bytes, from, keyEnd, list, pastMark(keyEnd - from, list, at))
      list[at++] = TEXT
      list[at] = FLOAT_64
      view.setFloat64(at + 1, ats[row]!)
      list[at + FLOAT_BYTES] = FLOAT_64
      view.setFloat64(at + FLOAT_BYTES + 1, arrival)
      at = copied(fields, 0, fields.length, list, at + 2 * FLOAT_BYTES)
    }
  }
  return list.subarray(0, at)
}

/** Bytes of an event beside its key and its place. */
const EVENT_BYTES = 1 + KIND_BYTES.length + 3 + 1 + 2 * FLOAT_BYTES

/** Writes the mark of a text of so many bytes; answers where these begin. */
function pastMark(size: number, list: Buffer, at: number): number {
  if (size <= TEXT_31 - TEXT) {
    list[at] = TEXT + size
    return at + 1
  }
  list[at] = size > 0xff ? TEXT_16 : TEXT_8
  return size > 0xff ? list.writeUInt16BE(size, at + 1) : list.writeUInt8(size, at + 1)
}

/** Copies bytes; answers where what follows begins. */
function copied(bytes: Uint8Array, from: number, to: number, list: Buffer, at: number): number {
  if (to - from > SHORT && to - from === bytes.length) list.set(bytes, at)
  else for (let i = from, own = at; i < to; i++, own++) list[own] = bytes[i]!
  return at + to - from
}

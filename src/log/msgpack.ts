/** Msgpack as entries have it, and the marks by which its bytes are told apart. */
import { Packr } from 'msgpackr'

// Each value describes its own structures once, so a batch of alike events is small.
export const packr = new Packr({ useRecords: true, copyBuffers: true })

/** The list that a value is; undefined if it is anything else. */
export function listIn(value: Uint8Array): unknown[] | undefined {
  try {
    // Nothing of it is the value's own bytes: it may lie where the next one is read to.
    const things = packr.unpack(value)
    return Array.isArray(things) ? things : undefined
  } catch {
    return undefined
  }
}

/** Marks of a list: the least and the greatest that say its length by themselves, and where two bytes do, or four. */
export const [LIST, LIST_15, LIST_16, LIST_32] = [0x90, 0x9f, 0xdc, 0xdd]
/** Marks of a text: the least, which is the empty one's, and the greatest that say its length, and where one byte does, or two. */
export const [TEXT, TEXT_31, TEXT_8, TEXT_16] = [0xa0, 0xbf, 0xd9, 0xda]
/** Marks of numbers: the greatest that is one itself, and those before one byte, and four, and a double. */
export const [MOST_IN_MARK, NUMBER_8, NUMBER_32, FLOAT_64] = [0x7f, 0xcc, 0xce, 0xcb]
/** Marks of bytes whose length takes one, and two. */
export const [BYTES_8, BYTES_16] = [0xc4, 0xc5]
export const NONE = 0xc0

/** Files as numbered lines, plain or gzipped, `-` being stdin. Holds a chunk and the beginning of one line, no more. */

import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { gunzip, isBehindMember } from './gunzip.ts'

export interface Line {
  /** from 1 */
  number: number
  /** without its line end, bytes that are not UTF-8 as U+FFFD; undefined when it is longer than MAX_LINE_BYTES */
  text: string | undefined
  /** the same with such bytes percent-encoded, so that what they say apart stays apart */
  exact: string
}

export const MAX_LINE_BYTES = 262_144

const NEWLINE = 10
const RETURN = 13
const BYTE_ORDER_MARK = Buffer.of(0xef, 0xbb, 0xbf)

/** Yields the lines of each chunk; `onBytes` hears how much of the file itself (not of what it unpacks to) was read. */
export async function* readLines(file: string, onBytes: (bytes: number) => void = () => {}): AsyncGenerator<Line[]> {
  let number = 0
  let begun: Buffer[] = []
  let begunBytes = 0
  const take = (end: Buffer): Line => {
    const bytes = begun.length === 0 ? end : Buffer.concat([...begun, end])
    const tooLong = begunBytes + end.length > MAX_LINE_BYTES
    begun = []
    begunBytes = 0
    number += 1
    if (tooLong) return { number, text: undefined, exact: '' }
    const whole = withoutMarks(bytes, number === 1)
    const text = whole.toString()
    return { number, text, exact: isUtf8(whole) ? text : percentEncoded(whole) }
  }
  try {
    for await (const chunk of unpacked(file, onBytes)) {
      const lines: Line[] = []
      let start = 0
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
        lines.push(take(chunk.subarray(start, end)))
        start = end + 1
      }
      const rest = chunk.subarray(start)
      begunBytes += rest.length
      if (begunBytes <= MAX_LINE_BYTES && rest.length > 0) begun.push(rest)
      else if (begunBytes > MAX_LINE_BYTES) begun = []
      if (lines.length > 0) yield lines
    }
  } catch (error) {
    if (isBehindMember(error) && begunBytes > 0) yield [take(Buffer.alloc(0))]
    throw error
  }
  if (begunBytes > 0) yield [take(Buffer.alloc(0))]
}

/** A line without a return at its end, and at the beginning of a file without a byte order mark. */
function withoutMarks(bytes: Buffer, first: boolean): Buffer {
  const start = first && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0
  return bytes.subarray(start, bytes.at(-1) === RETURN ? bytes.length - 1 : bytes.length)
}

/** Text in which `%E9` stands for a byte that is no part of a character. */
function percentEncoded(bytes: Buffer): string {
  let text = ''
  let from = 0
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes[at]!)
    if (isUtf8(bytes.subarray(at, at + length))) {
      at += length
      continue
    }
    text += `${bytes.toString('utf8', from, at)}%${bytes.toString('hex', at, at + 1).toUpperCase()}`
    at += 1
    from = at
  }
  return text + bytes.toString('utf8', from)
}

/** The bytes of the character that begins with this one, if any does. */
const characterLength = (byte: number): number => (byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4)

/** The file's bytes; gzip is known by its first two, whatever the file is called. */
async function* unpacked(file: string, onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
  const chunks = counted(file === '-' ? process.stdin : createReadStream(file), onBytes)
  let head = Buffer.alloc(0)
  while (head.length < 2) {
    const { value, done } = await chunks.next()
    if (done) break
    head = Buffer.concat([head, value])
  }
  const all = chain(head, chunks)
  yield* head[0] === 0x1f && head[1] === 0x8b ? gunzip(all) : all
}

async function* counted(source: Readable, onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of source as AsyncIterable<Buffer>) {
    onBytes(chunk.length)
    yield chunk
  }
}

async function* chain(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head
  yield* rest
}

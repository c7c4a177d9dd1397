/** Files as numbered lines, plain or gzipped, `-` being stdin. Holds a chunk and the beginning of one line, no more. */
import { createReadStream } from 'node:fs'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

export interface Line {
  /** from 1 */
  number: number
  /** without its line end; undefined when it is longer than MAX_LINE_BYTES */
  text: string | undefined
}

export const MAX_LINE_BYTES = 262_144

const NEWLINE = 10
const RETURN = 13

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
    return { number, text: tooLong ? undefined : textOf(bytes, number === 1) }
  }
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
  if (begunBytes > 0) yield [take(Buffer.alloc(0))]
}

function textOf(bytes: Buffer, first: boolean): string {
  const end = bytes.at(-1) === RETURN ? bytes.length - 1 : bytes.length
  const text = bytes.toString('utf8', 0, end)
  return first && text.startsWith('\uFEFF') ? text.slice(1) : text
}

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
  if (head[0] !== 0x1f || head[1] !== 0x8b) return yield* all
  const gunzip = createGunzip()
  // An error of either side destroys the other with it, so reading `gunzip` throws it: the callback has nothing to add.
  pipeline(Readable.from(all), gunzip, () => {})
  yield* gunzip as AsyncIterable<Buffer>
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

import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { gunzip } from '../src/cli/replay/gunzip.ts'
import { Random } from './support/random.ts'

interface Unpacked {
  text: string
  /** of the fault, where there is one */
  message?: string
}

/** The bytes given in chunks of `size`, and what is unpacked of them. */
async function unpacked(bytes: Buffer, size = 65_536): Promise<Unpacked> {
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  }
  let text = ''
  try {
    for await (const part of gunzip(chunks())) text += part.toString('latin1')
  } catch (error) {
    return { text, message: (error as Error).message }
  }
  return { text }
}

const a = gzipSync('first\n')
const b = gzipSync('second\n')
const zeros = Buffer.alloc(1_024)
const random = new Random(1)
const noise = Array.from({ length: 200_000 }, () => String.fromCharCode(random.int(32, 126))).join('')

describe.each([1, 7, 65_536])('gzip, %i bytes a chunk,', size => {
  test.each<[string, Buffer[], string]>([
    ['of several members', [a, b, a], 'first\nsecond\nfirst\n'],
    ['with an empty member first', [gzipSync(''), b], 'second\n'],
    ['with zeros behind', [a, b, zeros], 'first\nsecond\n'],
  ])('%s is unpacked whole', async (_, parts, text) => {
    expect(await unpacked(Buffer.concat(parts), size)).toEqual({ text })
  })

  test.each<[string, Buffer[]]>([
    ['stray bytes', [a, b, Buffer.from('oops')]],
    ['one stray byte', [a, b, Buffer.from('o')]],
    ['a member behind zeros', [a, b, zeros, a]],
    ['a member that breaks off in its header', [a, b, a.subarray(0, 5)]],
    ['a member with another header', [a, b, Buffer.from([0x1f, 0x8b, 9, 0, 0, 0])]],
  ])('gives what stands before %s, and its fault', async (_, parts) => {
    expect(await unpacked(Buffer.concat(parts), size)).toEqual({
      text: 'first\nsecond\n',
      message: expect.any(String),
    })
  })
})

describe('gzip that breaks', () => {
  const whole = gzipSync(noise)

  test('off gives all but what cannot be known', async () => {
    const { text, message } = await unpacked(whole.subarray(0, -8))
    expect([text === noise, message]).toEqual([true, 'unexpected end of file'])
  })

  test('in its check sum gives all of it', async () => {
    const broken = Buffer.from(whole)
    broken[broken.length - 8]! ^= 1
    const { text, message } = await unpacked(broken)
    expect([text === noise, message]).toEqual([true, 'incorrect data check'])
  })

  test('in the middle of its data gives everything before', async () => {
    const stored = gzipSync(noise, { level: 0 })
    // Of a stored block the header says its length twice: the second block is told apart by the two that differ.
    const header = stored.indexOf(Buffer.from(noise.slice(0, 16), 'latin1')) - 5
    const second = header + 5 + stored.readUInt16LE(header + 1)
    stored[second + 3]! ^= 1
    const { text, message } = await unpacked(stored)
    expect([text, message]).toEqual([noise.slice(0, second - header - 5), 'invalid stored block lengths'])
  })
})

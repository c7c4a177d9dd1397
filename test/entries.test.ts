import { crc32 } from 'node:zlib'
import { Packr } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { encode, entryOf } from '../src/log/entries.ts'
import { event } from './support/entries.ts'
import { flipped } from './support/flipped.ts'
import { formerly } from './support/former-entries.ts'

const packed = (value: unknown): Buffer => new Packr({ useRecords: true }).pack(value)
const [a, b] = [event('a'), event('b')]
const named = expect.objectContaining({
  code: 'RC_LOG_CORRUPT',
  message: expect.stringMatching(/^Partition 2: entry 7 /),
})

/** A short entry of any version, with its checksum. */
function checked(things: unknown[]): Buffer {
  const value = Buffer.from(packed(things))
  value.writeUInt32BE(crc32(value.subarray(7), value.readUIntBE(0, 3)), 3)
  return value
}

describe('an entry', () => {
  test('comes back as it was written', () => {
    expect(entryOf(2, 7, encode([a, b]))).toEqual({ seq: 7, events: [a, b] })
  })

  test('says which version wrote it', () => {
    expect(new Packr({ useRecords: true }).unpack(encode([a]))).toEqual([3, expect.any(Number), a])
  })

  test('of the first version, which said none, is read', () => {
    expect(entryOf(2, 7, formerly([a, b]))).toEqual({ seq: 7, events: [a, b] })
  })

  test('of the second version, which had no checksum, is read', () => {
    expect(entryOf(2, 7, packed([2, a, b]))).toEqual({ seq: 7, events: [a, b] })
  })

  test('of this version is read by the first, which passes over the numbers as what is no event', () => {
    const formerIsEvent = (thing: unknown) => typeof (thing as { kind?: unknown }).kind === 'string'
    expect((new Packr({ useRecords: true }).unpack(encode([a, b])) as unknown[]).filter(formerIsEvent)).toEqual([a, b])
  })

  test('of a later version is read as far as it holds events, and told', () => {
    const later = checked([4, 0xffff_ffff, a, ['new'], b])
    expect(entryOf(2, 7, later)).toEqual({ seq: 7, events: [a, b], strays: 2 })
  })

  const strange: [string, Buffer][] = [
    ['no msgpack', Buffer.from([0xc1])],
    ['nothing', Buffer.alloc(0)],
    ['no list', packed({ events: [a] })],
    ['an event alone', packed(a)],
    ['a list of what is no event', packed([2, 'a', b])],
  ]
  const ours = () => true
  const foreign = () => false

  test.each(strange)('of %s is a stray where others write', (_, value) => {
    expect(entryOf(2, 7, value, foreign)).toMatchObject({ seq: 7, strays: 1 })
  })

  test.each(strange)('of %s is damaged where nobody else writes', (_, value) => {
    expect(() => entryOf(2, 7, value, ours)).toThrow(named)
  })

  test.each([
    ['no event', []],
    ['an event', [a]],
    ['so many events that their number takes two bytes', Array.from({ length: 40 }, (_, i) => event(`e${i}`))],
  ])('with %s is named by its partition and seq whichever of its bits is another one', (_, events) => {
    const value = encode(events)
    for (let bit = 0; bit < value.length * 8; bit++) {
      expect(() => entryOf(2, 7, flipped(value, bit), ours), `bit ${bit}`).toThrow(named)
    }
  })

  test('of a former version is named where a bit that is another one leaves no list of events', () => {
    for (const value of [packed([2, a]), formerly([a])]) {
      expect(() => entryOf(2, 7, flipped(value, 7), ours)).toThrow(named)
    }
  })

  test('is not asked for who wrote it while its checksum fits', () => {
    const asked = () => {
      throw new Error('asked')
    }
    expect(entryOf(2, 7, encode([a]), asked).events).toEqual([a])
  })

  test.each([
    ['a key over 256 bytes', { key: 'é'.repeat(129) }],
    ['a key that is no text', { key: 7 }],
    ['an id that is no text', { id: null }],
    ['a kind that is no text', { kind: ['heartbeat'] }],
    ['a time no date has', { at: 1e300 }],
    ['an arrival that is no time', { arrival: Number.NaN }],
  ])('has an event with %s among its strays', (_, wrong) => {
    expect(entryOf(2, 7, encode([{ ...a, ...wrong } as never, b]))).toEqual({ seq: 7, events: [b], strays: 1 })
  })

  test('has an event with a key of 256 bytes', () => {
    const longest = event('a', { key: 'é'.repeat(128) })
    expect(entryOf(2, 7, encode([longest])).events).toEqual([longest])
  })
})

import { Packr } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { encode, entryOf } from '../src/log/entries.ts'
import { event } from './support/entries.ts'
import { formerly } from './support/former-entries.ts'

const packed = (value: unknown): Buffer => new Packr({ useRecords: true }).pack(value)
const [a, b] = [event('a'), event('b')]

describe('an entry', () => {
  test('comes back as it was written', () => {
    expect(entryOf(7, encode([a, b]))).toEqual({ seq: 7, events: [a, b] })
  })

  test('says which version wrote it', () => {
    expect(new Packr({ useRecords: true }).unpack(encode([a]))).toEqual([2, a])
  })

  test('of the first version, which said none, is read', () => {
    expect(entryOf(7, formerly([a, b]))).toEqual({ seq: 7, events: [a, b] })
  })

  test('of this version is read by the first, which passes over the number as what is no event', () => {
    const formerIsEvent = (thing: unknown) => typeof (thing as { kind?: unknown }).kind === 'string'
    expect((new Packr({ useRecords: true }).unpack(encode([a, b])) as unknown[]).filter(formerIsEvent)).toEqual([a, b])
  })

  test('of a later version is read as far as it holds events, and told', () => {
    expect(entryOf(7, packed([3, a, ['new'], b]))).toEqual({ seq: 7, events: [a, b], strays: 2 })
  })

  test.each([
    ['no msgpack', Buffer.from([0xc1])],
    ['nothing', Buffer.alloc(0)],
    ['no list', packed({ events: [a] })],
    ['an event alone', packed(a)],
  ])('of %s is a stray', (_, value) => {
    expect(entryOf(7, value)).toEqual({ seq: 7, events: [], strays: 1 })
  })

  test.each([
    ['a key over 256 bytes', { key: 'é'.repeat(129) }],
    ['a key that is no text', { key: 7 }],
    ['an id that is no text', { id: null }],
    ['a kind that is no text', { kind: ['heartbeat'] }],
    ['a time no date has', { at: 1e300 }],
    ['an arrival that is no time', { arrival: Number.NaN }],
  ])('has an event with %s among its strays', (_, wrong) => {
    expect(entryOf(7, encode([{ ...a, ...wrong } as never, b]))).toEqual({ seq: 7, events: [b], strays: 1 })
  })

  test('has an event with a key of 256 bytes', () => {
    const longest = event('a', { key: 'é'.repeat(128) })
    expect(entryOf(7, encode([longest])).events).toEqual([longest])
  })
})

import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { encode, entryOf } from '../src/log/entries.ts'
import { runsOf } from '../src/log/rows-entry.ts'
import { type Random, seeded } from './support/random.ts'

const AT = 1_767_297_600_000
const TEXTS = ['', '/', 'a', 'ü', '日本', '🎬', 'a\nb', 'a\0b', 'x'.repeat(300), 'ü'.repeat(9_000)]
const TIMES = [0, -1, AT, AT + 1, AT + 0.5, -AT, 8.64e15, -8.64e15, AT + 2 ** 31, AT - 2 ** 31 - 1]

/** A heartbeat, mostly as the bridge stamps it. */
function beat(random: Random): Event {
  const odd = <T>(usual: T, others: readonly unknown[]): T => (random.chance(0.05) ? (random.pick(others) as T) : usual)
  const event = {
    ...{ kind: odd('heartbeat', ['tick']), key: odd(`u${random.int(0, 3)}`, TEXTS.slice(1, 8)), id: odd('', ['x']) },
    ...{ at: odd(AT + random.int(0, 60_000), TIMES), arrival: odd(AT + random.int(0, 60_000), TIMES) },
    ...{ path: odd('/live/a', TEXTS), stream: odd(random.pick(['a', null]), TEXTS), country: odd('TW', TEXTS) },
    groups: odd(random.pick([[], ['a'], ['a', 'b']]), [TEXTS, [''], 'a', [1], null]),
  }
  const show = random.chance(0.5) ? { streamer: odd('s', [...TEXTS, null]), preset: odd('sd', [...TEXTS, null]) } : {}
  const more = random.chance(0.03) ? { more: 1 } : {}
  const whole = { ...event, ...show, ...more } as Event
  if (random.chance(0.02)) delete (whole as { stream?: unknown }).stream
  return whole
}

const isRows = (run: object): boolean => 'beats' in run

describe('an entry', () => {
  test('gives heartbeats back as they were, whatever is in them, in their order among others', () => {
    const random = seeded('beats')
    let rows = 0
    for (let round = 0; round < 2_000; round++) {
      const events = Array.from({ length: random.int(1, 12) }, () => beat(random))
      const entry = entryOf(0, 1, encode(events))
      expect([entry.seq, entry.strays]).toEqual([1, undefined])
      expect(entry.events).toEqual(events)
      rows += runsOf(entry).filter(isRows).length
    }
    expect(rows).toBeGreaterThan(2_000)
  })

  test('makes the event of a row once', () => {
    const entry = entryOf(0, 1, encode([beatOf('u', AT)]))
    const [run] = runsOf(entry).filter(isRows) as { beats: { event(row: number): Event } }[]
    expect(run!.beats.event(0)).toBe(entry.events[0])
  })

  test('loses no heartbeat to another one that is more than a row holds', () => {
    const usual = beatOf('u', AT)
    const odd: Event[] = [
      { ...usual, key: 'ü'.repeat(200) },
      { ...usual, at: Number.NaN },
      { ...usual, arrival: 9e15 },
      { ...usual, groups: Array.from({ length: 1_000 }, () => 'g'.repeat(256)) } as Event,
      { ...usual, country: '日'.repeat(30_000) } as Event,
    ]
    for (const [i, each] of odd.entries()) {
      const { events } = entryOf(0, 1, encode([usual, each, usual]))
      expect(events, `event ${i}`).toEqual(events.length === 2 ? [usual, usual] : [usual, each, usual])
    }
  })

  test('of somebody who knows the checksum changes no place of other entries', () => {
    const ours = { ...beatOf('u', AT), path: '/ü' } as Event
    const value = encode([ours])
    // As if the place were of Latin letters.
    const theirs = sealed(value, bytes => bytes.writeUInt8(0, ROW))
    expect(entryOf(0, 1, theirs).events).toHaveLength(1)
    expect(entryOf(0, 2, value).events).toEqual([ours])
  })

  test('gives each viewer its own key and place, however many there are', () => {
    const random = seeded('many viewers')
    const pick = (n: number) => ({ ...beatOf(`u${n}`, AT), country: random.pick(['TW', 'FR', 'DE']) }) as Event
    for (let round = 0; round < 200; round++) {
      const events = Array.from({ length: 1_000 }, () => pick(random.int(0, 99_999)))
      expect(entryOf(0, 1, encode(events)).events).toEqual(events)
    }
  })

  test('whose runs are not of its rows is all strays', () => {
    const value = encode([beatOf('u', AT)])
    for (const count of [0, 2, 0xff, 0xc0]) {
      const theirs = sealed(value, bytes => bytes.writeUInt8(count, RUN))
      const { events, strays } = entryOf(0, 1, theirs)
      expect([events, strays], `run ${count}`).toEqual([[], 3])
    }
  })

  test('whose rows are not as they were written is named', () => {
    const value = encode([beatOf('u', AT), beatOf('v', AT)])
    for (let at = 0; at < value.length; at++) {
      const flipped = Buffer.from(value)
      flipped[at]! ^= 4
      expect(() => entryOf(3, 9, flipped), `byte ${at}`).toThrow(/^Partition 3: entry 9 /)
    }
  })
})

/** Places in the entry of one heartbeat: of how many rows there are, and of the marks of the first. */
const [RUN, ROW] = [9, 20]

/** The entry with a change, and the checksum that fits. */
function sealed(value: Buffer, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(value)
  change(bytes)
  let before = 0
  for (let i = 0; i < 3; i++) before = ((before << 8) ^ (before >>> 24) ^ bytes[i]!) >>> 0
  bytes.writeUInt32BE(crc32(bytes.subarray(7), before), 3)
  return bytes
}

const beatOf = (key: string, at: number): Event => ({
  ...{ kind: 'heartbeat', key, id: '', at, arrival: at, path: '/live/a', stream: 'a', country: 'TW', groups: ['g'] },
})

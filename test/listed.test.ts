import { crc32 } from 'node:zlib'
import { Packr } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import type { Place } from '../src/log/beats.ts'
import { encode, entryOf } from '../src/log/entries.ts'
import { fingerprintOf } from '../src/log/fingerprint.ts'
import { hashOf } from '../src/log/hash.ts'
import { Columns, placed, Rows } from '../src/log/rows.ts'
import { RowsEntry } from '../src/log/rows-entry.ts'
import { type Random, seeded } from './support/random.ts'

/** Heartbeats in entries without rows: written and read by their bytes, as msgpackr writes and reads them. */

const AT = 1_767_297_600_000
const TEXTS = [
  '',
  'a',
  'ü',
  '日本',
  '🎬',
  'a\0b',
  '\ufeffa',
  'x'.repeat(31),
  'x'.repeat(32),
  'ü'.repeat(40),
  'x'.repeat(300),
]
const KEYS = [
  '',
  'ü',
  '日'.repeat(20),
  '\ufeffü',
  'x'.repeat(31),
  'x'.repeat(32),
  'x'.repeat(255),
  'x'.repeat(256),
  'x'.repeat(257),
  'ü'.repeat(128),
]
const TIMES = [0, 1, -1, 200, -200, AT + 0.5, -AT, 8.64e15, 8.64e15 + 2, Number.NaN, 2 ** 32]

const former = new Packr({ useRecords: true, copyBuffers: true })
const eventsIn = (value: Uint8Array): unknown[] => (former.unpack(value) as unknown[]).slice(2)

function place(random: Random): Place {
  const text = (usual: string): string => (random.chance(0.05) ? random.pick(TEXTS) : usual)
  const groups = random.chance(0.03) ? Array(random.int(14, 40)).fill('g') : random.pick([[], ['a'], ['a', text('b')]])
  return {
    ...{ path: text('/live/a'), stream: random.chance(0.2) ? null : text('a'), country: text('TW'), groups },
    ...(random.chance(0.5) && { streamer: text('s'), preset: text('sd') }),
  }
}

const keyOf = (random: Random): string => (random.chance(0.05) ? random.pick(KEYS) : `u${random.int(0, 40)}`)
const timeOf = (random: Random): number => (random.chance(0.03) ? random.pick(TIMES) : AT + random.int(0, 60_000))

/** Rows as bridges make them, of places that a row can hold. */
function rows(random: Random, times = timeOf): Rows {
  const count = random.int(1, 20)
  const ids = Array.from({ length: count }, () => Buffer.from(keyOf(random)))
  const keys = new Int32Array(3 * count)
  let from = 0
  for (const [row, id] of ids.entries()) {
    keys.set([from, from + id.length, hashOf(id)], 3 * row)
    from += id.length
  }
  const places = ids.map(() => {
    for (;;) {
      const written = placed(place(random))
      if (written) return written
    }
  })
  const ats = Float64Array.from(ids, () => times(random))
  const all = new Rows(new Columns({ bytes: Buffer.concat(ids), keys, ats, arrival: times(random), places }))
  for (let row = 0; row < count; row++) if (random.chance(0.8)) all.rows.push(row)
  return all
}

/** A list of things as former versions wrote it. */
const listed = (things: readonly unknown[], version = 3): Buffer =>
  sealed(Buffer.from(former.pack([version, 0xffff_ffff, ...things])))

/** The value with the checksum that fits. */
function sealed(value: Buffer): Buffer {
  const at = value[0] === 0xdc ? 5 : value[0] === 0xdd ? 7 : 3
  let before = 0
  for (let i = 0; i < at; i++) before = ((before << 8) ^ (before >>> 24) ^ value[i]!) >>> 0
  if (value.length >= at + 4) value.writeUInt32BE(crc32(value.subarray(at + 4), before), at)
  return value
}

/** The events that msgpackr makes of the value, and how many of its things are none. */
function generally(value: Buffer): { events: unknown[]; strays: number } {
  const things = former.unpack(value) as (Partial<Event> | null)[]
  const isTime = (at: unknown): boolean => Number.isFinite(at) && Math.abs(at as number) <= 8.64e15
  const events = things.filter(thing => {
    const { kind, key, id, at, arrival } = thing ?? {}
    const isKey = typeof key === 'string' && Buffer.byteLength(key) <= 256
    return typeof kind === 'string' && isKey && typeof id === 'string' && isTime(at) && isTime(arrival)
  })
  return { events, strays: things.length - 2 - events.length }
}

const read = (value: Buffer): { events: unknown[]; strays: number } => {
  const { events, strays = 0 } = entryOf(0, 1, value, () => false)
  return { events, strays }
}

describe('heartbeats in an entry without rows', () => {
  test('are the bytes that msgpackr makes of them as events, which former versions read', () => {
    const random = seeded('listing')
    let [heads, shows] = [0, 0]
    for (let round = 0; round < 3_000; round++) {
      const all = Array.from({ length: random.int(1, 4) }, () => rows(random, () => AT + random.int(0, 60_000)))
      const events = all.flatMap(each => [...each])
      if (events.length === 0) continue
      const value = encode(all, false)
      expect(value.equals(listed(events)), JSON.stringify(events)).toBe(true)
      expect(former.unpack(value)).toEqual([3, expect.any(Number), ...events])
      if (events.length > 13) heads++
      if (new Set(events.map(({ streamer }) => streamer === undefined)).size > 1) shows++
    }
    expect(Math.min(heads, shows)).toBeGreaterThan(1_000)
  })

  test('are the same events whatever their times and keys are, and among others', () => {
    const random = seeded('listing of odd times')
    for (let round = 0; round < 2_000; round++) {
      const all = [rows(random), rows(random)]
      const events = all.flatMap(each => [...each])
      expect(eventsIn(encode(all, false))).toEqual(events)
      const tick = { kind: 'tick', key: '0', id: 't', at: AT, arrival: AT }
      expect(eventsIn(encode([all[0]!, tick, all[1]!], false))).toEqual([...all[0]!, tick, ...all[1]!])
    }
  })

  test('are those bytes, too, where they are so many that their number takes four', () => {
    const many = new Rows(rows(seeded('many'), () => AT).columns)
    for (let i = 0; i < 65_534; i++) many.rows.push(0)
    const value = encode([many], false)
    expect(value.equals(listed([...many]))).toBe(true)
    expect(entryOf(0, 1, value).events).toHaveLength(65_534)
  })

  test('are read without an event of each, also those of former versions', () => {
    const random = seeded('listed')
    let inColumns = 0
    for (let round = 0; round < 3_000; round++) {
      const all = [rows(random), rows(random)]
      const events = all.flatMap(each => [...each])
      for (const value of [encode(all, false), listed(events)]) {
        expect(read(value), JSON.stringify(events)).toEqual(generally(value))
        const entry = entryOf(0, 1, value)
        if (entry instanceof RowsEntry) inColumns++
        expect(fingerprintOf(entry)).toBe(fingerprintOf({ seq: 1, events: generally(value).events as Event[] }))
      }
    }
    expect(inColumns).toBeGreaterThan(2_000)
  })

  test('are read as msgpackr reads them, whatever bytes somebody writes who knows the checksum', () => {
    const random = seeded('hostile lists')
    let [odd, inColumns] = [0, 0]
    for (let round = 0; round < 20_000; round++) {
      let value = Buffer.from(encode([rows(random)], false))
      for (let changes = random.int(1, 3); changes > 0; changes--) {
        const at = random.int(0, value.length - 1)
        if (random.chance(0.6))
          value[at] = random.chance(0.5) ? random.int(0, 255) : value[at]! ^ (1 << random.int(0, 7))
        else if (random.chance(0.4)) value = value.subarray(0, at + 1)
        else value = Buffer.concat([value.subarray(0, at), value.subarray(random.int(0, value.length))])
        if (value.length === 0) value = Buffer.of(0)
      }
      const entry = entryOf(0, 1, sealed(value), () => false)
      if (entry instanceof RowsEntry) expect(read(value), value.toString('hex')).toEqual(generally(value))
      if (entry instanceof RowsEntry) inColumns++
      else odd++
    }
    expect(odd).toBeGreaterThan(1_000)
    expect(inColumns).toBeGreaterThan(1_000)
  })

  test.each([
    ['key', 'abc'],
    ['path', '/live/a'],
    ['country', 'TW'],
  ] as const)('are read as msgpackr reads them where the length of the %s takes more bytes than it needs', (field, text) => {
    const event = { kind: 'heartbeat', key: 'abc', id: '', at: AT, arrival: AT }
    const value = listed([{ ...event, path: '/live/a', stream: null, country: 'TW', groups: [] }])
    const at = value.lastIndexOf(Buffer.from(text)) - 1
    expect([field, value[at]]).toEqual([field, 0xa0 + text.length])
    for (const mark of [Buffer.of(0xd9, text.length), Buffer.of(0xda, 0, text.length)]) {
      const wide = sealed(Buffer.concat([value.subarray(0, at), mark, value.subarray(at + 1)]))
      expect(read(wide)).toEqual(generally(wide))
      expect(read(wide).events).toHaveLength(1)
    }
  })

  test('have the keys and places that their bytes say, whatever rows somebody wrote with these bytes', () => {
    for (const key of ['ü', 'a']) {
      const event = {
        kind: 'heartbeat',
        key,
        id: '',
        at: AT,
        arrival: AT,
        path: '/ü',
        stream: null,
        country: 'TW',
        groups: [],
      }
      const [id, fields] = [Buffer.from(key), former.pack(['/ü', null, 'TW', []]).subarray(1)]
      const row = Buffer.alloc(21)
      row.writeDoubleLE(AT)
      row.writeUInt16LE(id.length, 17)
      row.writeUInt16LE(fields.length, 19)
      const theirs = entryOf(0, 1, listed([[0, 1], Buffer.concat([row, id, fields])], 4))
      expect(theirs.events).toHaveLength(1)
      const ours = entryOf(0, 2, listed([event, event]))
      expect([ours instanceof RowsEntry, ours.events]).toEqual([true, [event, event]])
    }
  })
})

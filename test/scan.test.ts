import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { areTimely, heartbeat, MAX_BATCH, sift } from '../src/bridge/inputs.ts'
import { COUNTRY, GROUPS, KEY, PATH, ROW, type Scanned, scan } from '../src/bridge/scan.ts'
import { hashOf } from '../src/log/hash.ts'
import { partitionOf, partitionOfHash } from '../src/log/partition-of.ts'
import { type Random, seeded } from './support/random.ts'

const NOW = 1_767_297_600_000
const TEXTS = [
  '',
  'a',
  '/live/a?b=c#d',
  'ü',
  '日本',
  '🎬',
  'a b',
  'a"b',
  'a\\b',
  'a/b',
  'a\nb',
  'a\u007fb',
  'a\u009bb',
  '£',
  '\ud800',
  'null',
]
const LONG = ['x'.repeat(256), 'x'.repeat(257), 'ü'.repeat(128), 'ü'.repeat(129), 'x'.repeat(8_192), 'x'.repeat(8_193)]
const VALUES = [
  null,
  0,
  1,
  -1,
  1.5,
  true,
  {},
  [],
  [1],
  [''],
  ['a', null],
  'TW',
  'tw',
  'T1',
  'TWN',
  NOW,
  1e21,
  9e15,
  1e14,
]
const NAMES = [
  'userId',
  'path',
  'at',
  'country',
  'groups',
  'other',
  '__proto__',
  'userid',
  'user',
  'coubtry',
  'patty',
  'a',
]

/** A record as clients send it, in most of its fields. */
function record(random: Random): Record<string, unknown> {
  const odd = (usual: unknown): unknown =>
    random.chance(0.02) ? random.pick([...TEXTS, ...LONG, ...VALUES]) : random.chance(0.01) ? undefined : usual
  const fields: [string, unknown][] = [
    ['userId', odd(random.pick(['user-1', 'ü', 'x'.repeat(256), 'g/1']))],
    ['path', odd(random.pick(['/', '', '/live/日本', '/sessions/a?b']))],
    ['at', odd(random.pick([undefined, null, 0, NOW, random.int(0, 2 ** 40)]))],
    ['country', odd(random.pick([undefined, null, 'TW', 'de', 'xY']))],
    [
      'groups',
      odd(random.pick([undefined, null, [], ['free'], ['b', 'a', 'b'], Array(random.int(99, 101)).fill('g')])),
    ],
  ]
  if (random.chance(0.02)) fields.push([random.pick(NAMES), odd('x')])
  if (random.chance(0.3)) fields.sort(() => random.int(0, 2) - 1)
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined))
}

/** The text of it, by another writer of JSON than usual now and then. */
function textOf(random: Random, value: unknown): string {
  const text = random.chance(0.2) ? JSON.stringify(value, null, random.int(0, 3)) : JSON.stringify(value)
  if (random.chance(0.05)) return text.replaceAll('":', random.pick(['" : ', '":\t', '"\r\n:']))
  if (random.chance(0.03)) return text.replace('{', `{"${random.pick(NAMES)}":${JSON.stringify(random.pick(VALUES))},`)
  if (random.chance(0.03))
    return text.replace(/\d+/, random.pick(['01', '-0', '1e3', '1.0', '9007199254740993', '1'.repeat(16)]))
  if (random.chance(0.02)) return text.replaceAll('a', '\\u0061')
  return text
}

/** Bytes of which some are not what they were. */
function spoilt(random: Random, bytes: Buffer): Buffer {
  const at = random.int(0, bytes.length)
  const junk = Buffer.from([
    random.pick([0x00, 0x20, 0x22, 0x2c, 0x3a, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x80, 0xef, 0xff, 0x30]),
  ])
  return Buffer.concat([
    bytes.subarray(0, at),
    ...(random.chance(0.5) ? [junk] : []),
    bytes.subarray(at + random.int(0, 2)),
  ])
}

interface Beat {
  userId: string
  path: string
  at: number | null
  country: string | null
  groups: string[] | null
}

function beatsOf({ bytes, length, rows, ats }: Scanned): Beat[] {
  return Array.from({ length }, (_, row) => {
    const at = (offset: number): number => rows[row * ROW + offset]!
    const text = (offset: number): string => bytes.toString('utf8', at(offset), at(offset + 1))
    const country = at(COUNTRY) < 0 ? null : String.fromCharCode(at(COUNTRY) >> 8, at(COUNTRY) & 0xff)
    const groups = at(GROUPS) < 0 ? null : (JSON.parse(`[${text(GROUPS)}]`) as string[])
    for (const offset of [KEY, PATH]) expect(at(offset + 2)).toBe(hashOf(Buffer.from(text(offset))))
    expect(partitionOfHash(at(KEY + 2), 1_000)).toBe(partitionOf(text(KEY), 1_000))
    return { userId: text(KEY), path: text(PATH), at: ats[row]! < 0 ? null : ats[row]!, country, groups }
  })
}

/** By JSON and the schema; null where one of them refuses it. */
function parsed(bytes: Buffer): Beat[] | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const inputs = [JSON.parse(text)].flat()
    if (inputs.length === 0 || inputs.length > MAX_BATCH) return null
    const all = inputs.map(input => heartbeat.parse(input))
    return all.map(({ userId, path, at, country, groups }) => ({
      ...{ userId, path, at: at ?? null, country: country ?? null, groups: groups ?? null },
    }))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof z.ZodError) return null
    throw error
  }
}

describe('heartbeats that are scanned', () => {
  test('are such as the schema takes, with the values it gives them', () => {
    const random = seeded('scan')
    let [taken, left, refused] = [0, 0, 0]
    for (let round = 0; round < 40_000; round++) {
      const value = random.chance(0.1) ? record(random) : Array.from({ length: random.int(0, 4) }, () => record(random))
      const whole = Buffer.from(textOf(random, value))
      const bytes = random.chance(0.2) ? spoilt(random, whole) : whole
      const scanned = scan(bytes)
      const expected = parsed(bytes)
      if (scanned) {
        expect(beatsOf(scanned), bytes.toString()).toEqual(expected)
        taken++
      } else if (expected) left++
      else refused++
    }
    // Nearly all that the schema takes is scanned, and much is refused.
    expect(taken).toBeGreaterThan(4 * left)
    expect(refused).toBeGreaterThan(5_000)
  })

  test('of any shape that clients send are not left to the schema', () => {
    const beats: Partial<Beat>[] = [
      { userId: 'u', path: '/' },
      { userId: 'ü', path: '/日本', at: NOW, country: 'TW', groups: ['free'] },
      { userId: 'u', path: '', at: null, country: null, groups: null },
      { groups: [], country: 'de', at: 0, path: '/', userId: 'u' },
    ]
    for (const each of [...beats, beats, Array(1_000).fill(beats[1])])
      for (const indent of [0, 2])
        expect(scan(Buffer.from(JSON.stringify(each, null, indent))), `${each}`).not.toBeNull()
    expect(scan(Buffer.from(JSON.stringify(Array(1_001).fill(beats[0]))))).toBeNull()
  })

  test('wherever the bytes end are left to JSON', () => {
    const bytes = Buffer.from(JSON.stringify([{ userId: 'u', path: '/', at: 1, country: 'TW', groups: ['a', 'b'] }]))
    for (let end = 0; end < bytes.length; end++) expect(scan(bytes.subarray(0, end)), `${end} bytes`).toBeNull()
  })

  test('are held against the same times as others', () => {
    const random = seeded('times of scanned')
    for (let round = 0; round < 5_000; round++) {
      const arrival = NOW
      const window = { oldest: random.pick([undefined, arrival - 1_000]), wasAheadMs: random.pick([0, 500]) }
      const at = () => random.pick([null, arrival + random.int(-1_002, 62_000), arrival, 946_684_799_999, 0])
      const beats = Array.from({ length: random.int(1, 4) }, () => ({ userId: 'u', path: '/', at: at() }))
      const { faults } = sift(heartbeat, beats, arrival, window)
      const { ats } = scan(Buffer.from(JSON.stringify(beats)))!
      expect(areTimely(ats, arrival, window), JSON.stringify(beats)).toBe(faults.length === 0)
    }
  })
})

test('leaves a body of which the rows are little to the schema, since all of it would be held', () => {
  const body = (spaces: number) => Buffer.from(`{"userId":"a","path":"/"${' '.repeat(spaces)}}`)
  expect([scan(body(16_000))?.length, scan(body(17_000))]).toEqual([1, null])
})

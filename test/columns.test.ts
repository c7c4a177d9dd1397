import { expect, test } from 'vitest'
import { heartbeat } from '../src/bridge/inputs.ts'
import { spanOf } from '../src/bridge/places.ts'
import { scan } from '../src/bridge/scan.ts'
import { Stamp } from '../src/bridge/stamp.ts'
import type { DocumentStore } from '../src/documents/index.ts'
import { encode } from '../src/log/entries.ts'
import { partitionOf, partitionOfHash } from '../src/log/partition-of.ts'
import { Rows } from '../src/log/rows.ts'
import { type Random, seeded } from './support/random.ts'

const NOW = 1_767_297_600_000
const USERS: Record<string, unknown> = {
  ann: { country: 'TW', groups: ['premium', 'free', 'premium'] },
  ben: { country: 'jp', groups: [] },
  cat: { groups: ['ü', 'a","b'] },
  dan: { country: 'Deutschland', groups: ['free'] },
  eve: { country: 'DE', groups: ['a\0b'] },
  fay: { country: 'DE', groups: ['\ud800'] },
}
const SESSIONS: Record<string, unknown> = {
  a: { userId: 'sam', active: true, status: { preset: 'sd' } },
  b: { userId: 'sam', active: false, status: { preset: 'sd' } },
  ü: { userId: 'süe', active: true, status: { preset: 'preview' } },
}
const documents = {
  get: async (collection: string, id: string) => (collection === 'users' ? USERS : SESSIONS)[id] ?? null,
} as unknown as DocumentStore

function beat(random: Random): object {
  const path = ['/', '', '/live/a', '/live/b?x', '/live/%C3%BC', '/live/ü', `/live/${'x'.repeat(300)}`, '/live/a/b']
  return {
    userId: random.pick(['ann', 'ben', 'cat', 'ün', 'nobody', `user-${random.int(0, 9)}`]),
    path: random.chance(0.01) ? '日'.repeat(2_000) : random.pick(path),
    ...(random.chance(0.7) && { at: NOW - random.int(0, 2 ** random.int(1, 33)) }),
    ...(random.chance(0.7) && { country: random.pick(['TW', 'tw', 'DE', null]) }),
    ...(random.chance(0.7) && { groups: random.pick([[], ['free'], ['b', 'a', 'b'], ['ü'], null]) }),
  }
}

test('beats that were scanned are stamped as others are, and lie in entries as others do', async () => {
  const random = seeded('columns')
  const stamp = new Stamp(documents, ['/live/'])
  let [taken, left] = [0, 0]
  for (let round = 0; round < 3_000; round++) {
    const beats = Array.from({ length: random.int(1, 8) }, () => beat(random))
    if (random.chance(0.02)) beats.push({ userId: random.pick(['dan', 'eve', 'fay']), path: '/' })
    if (random.chance(0.05)) stamp.forgetSession(random.pick(Object.keys(SESSIONS)))
    const [edge, isTrusted] = [random.pick([undefined, 'FR']), random.chance(0.7)]
    const events = await stamp.heartbeats(heartbeat.array().parse(beats), NOW, edge, isTrusted)
    const columns = await stamp.columns(scan(Buffer.from(JSON.stringify(beats)))!, NOW, edge, isTrusted)
    if (!columns) {
      left++
      continue
    }
    taken++
    expect([...columns]).toEqual(events)
    const rows = new Rows(columns)
    for (const [row, { key }] of events.entries()) {
      expect(partitionOfHash(columns.hash(row), 7)).toBe(partitionOf(key, 7))
      if (random.chance(0.8)) rows.rows.push(row)
    }
    const own = rows.rows.map(row => events[row]!)
    expect([...rows]).toEqual(own)
    const other = { ...events[0]!, kind: 'tick' }
    for (const [packed, plain] of [
      [[rows], own],
      [
        [other, rows, events[0]!, rows],
        [other, ...own, events[0]!, ...own],
      ],
    ] as const)
      if (plain.length > 0) expect(encode(packed).equals(encode(plain)), JSON.stringify(plain)).toBe(true)
  }
  expect(taken).toBeGreaterThan(2_500)
  expect(left).toBeGreaterThan(10)
})

test('a beat that was scanned is stamped with a session that changed, and a profile that was written', async () => {
  const stamp = new Stamp(documents, ['/live/'])
  const stamped = async (): Promise<object> => {
    const columns = await stamp.columns(scan(Buffer.from('{"userId":"gus","path":"/live/new"}'))!, NOW, undefined)
    return columns!.event(0)
  }
  expect(await stamped()).toMatchObject({ country: 'ZZ', groups: [], stream: 'new' })
  SESSIONS.new = { userId: 'sam', active: true, status: { preset: 'sd' } }
  USERS.gus = { country: 'FR', groups: ['free'] }
  expect(await stamped()).not.toHaveProperty('streamer')
  stamp.forgetSession('new')
  stamp.forget('gus')
  expect(await stamped()).toMatchObject({ country: 'FR', groups: ['free'], streamer: 'sam', preset: 'sd' })
})

test('beats from more places than are kept are stamped as others are', async () => {
  const stamp = new Stamp(documents, ['/live/'])
  for (let round = 0; round < 60; round++) {
    const beats = Array.from({ length: 1_000 }, (_, n) => ({
      ...{ userId: 'u', path: `/live/${round % 2 ? n : round * 1_000 + n}`, country: 'TW', groups: ['free'] },
    }))
    const columns = await stamp.columns(scan(Buffer.from(JSON.stringify(beats)))!, NOW, undefined)
    expect(Array.from(columns!, ({ path }) => path)).toEqual(beats.map(({ path }) => path))
  }
})

test('places and groups that are kept hold no bytes but their own', async () => {
  const stamp = new Stamp(documents, ['/live/'])
  const columns = await stamp.columns(scan(Buffer.from('{"userId":"ann","path":"/"}'))!, NOW, undefined, true)
  const { text } = columns!.places[0]!
  expect([text.buffer.byteLength, spanOf('"free"').bytes.buffer.byteLength]).toEqual([text.length, 6])
})

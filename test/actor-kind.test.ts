import { globSync, readFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { KINDS } from '../actors/kinds.ts'
import type { LiveContent, LiveSets } from '../src/audience/index.ts'
import type { DocumentStore } from '../src/documents/index.ts'
import { Meter } from '../src/observe/meter.ts'
import { LiveCopies } from '../src/partition/live-copies.ts'
import { guest } from './support/guest.ts'
import { NOON, OnePartition } from './support/one-partition.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const ROOT = new URL('..', import.meta.url).pathname

const seen = (room: string, at = NOON, key = 'ann'): Event => ({
  ...{ kind: 'guest.seen', key, id: '', at, arrival: at },
  room,
})

let one: OnePartition
beforeEach(async () => {
  one = await OnePartition.claim({ kinds: [guest] })
})

const about = (kind: string, facts: object = {}): Event => {
  const { id, actor } = one.effects[0]!
  return { kind, key: 'ann', id, at: NOON, arrival: NOON, effect: id, actor, ...facts }
}

describe('a kind that the engine was not made for', () => {
  test('has what its machine remarks counted, and asks the world nothing by it', async () => {
    await one.apply(seen('bar'), seen('hall', NOON - 1))
    expect([one.partition.counters.totals.tooLate, one.said]).toEqual([1, ['guest.fetch-key']])
  })

  test('finds the records it counts in, which are no longer at hand', async () => {
    await one.apply(seen('bar'))
    await one.restart()
    await one.apply(seen('hall', NOON, 'bob'))
    const counted = one.writes.filter(({ collection }) => collection === 'statistics')
    expect(counted.at(-1)).toMatchObject({ set: { viewerCount: 2 } })
  })

  test('is present after a restart too', async () => {
    await one.apply(seen('bar'))
    await one.restart()
    expect([one.partition.counters.alive(NOON), one.partition.counters.alive(NOON, 'bar')]).toEqual([1, 1])
  })

  test('holds back what is readable until what it cannot do without is answered', async () => {
    await one.apply(seen('bar'), seen('hall', NOON + 1))
    expect(one.partition.readableUntil).toBe(0)
    await one.restart()
    expect(one.partition.readableUntil).toBe(0)
    await one.apply(about('guest.key', { door: '12' }))
    expect(one.partition.readableUntil).toBe(3)
  })

  test('is never made to do without it', async () => {
    await one.apply(seen('bar'))
    await one.apply(about('effect.failed', { error: 'no', code: 'RC_INTERNAL' }), about('effect.drop'))
    expect([one.partition.outbox.size, one.partition.readableUntil]).toEqual([1, 0])
  })

  test('has copies of its documents in the live sets: as they were written, and as they are shown', async () => {
    const given: LiveContent[] = []
    const live = {
      isShared: true,
      publish: async (_partition, present, attended, other) => void given.push({ present, attended, ...other }),
    } as Partial<LiveSets<null>> as LiveSets<null>
    const documents = { get: async (_, id) => ({ _id: id, door: '12', secret: 'x' }) } as Partial<DocumentStore>
    const copies = new LiveCopies({
      ...{ partition: 0, live, documents: documents as DocumentStore, copies: guest.copies!, isOwn: () => true },
      ...{ cut: 0, presence: async function* () {}, attendance: async function* () {} },
      ...{ time: new ManualTime(NOON), faults: toldFaults(), meter: new Meter() },
    })
    await one.apply(seen('bar'))
    await one.apply(about('guest.key', { door: '12' }))
    copies.add({
      ...{
        size: { events: 1, actors: 0 },
        seq: 2,
        readableUntil: 2,
        delta: { mark: null, puts: [], removes: [] },
        effects: [],
        told: [],
      },
      ...{ writes: one.writes, news: { present: new Map(), heard: [], attended: [], streams: new Map() } },
      changed: one.changed,
    })
    await copies.published()
    expect(given).toMatchObject([
      {
        viewing: [{ userId: 'ann', start: NOON, end: NOON }],
        snapshots: [{ key: 'ann-door', seq: 2, json: '{"door":"12","of":"ann-door"}' }],
      },
    ])
  })
})

describe('the engine', () => {
  const files = globSync('src/{partition,effects,shard}/**/*.ts', { cwd: ROOT })
  const own = ['effect.failed']
  const names = KINDS.flatMap(({ kind, takes, remarks = {}, holds = [], copies = [] }) => [
    ...[kind, ...takes, ...Object.keys(remarks), ...holds],
    ...copies.map(({ collection }) => collection),
  ]).filter(name => !own.includes(name))

  test.each(files)('names no kind of actor, nor what is a matter of one, in %s', file => {
    const text = readFileSync(ROOT + file, 'utf8')
    expect(names.filter(name => new RegExp(`['"\`]${name}['"\`/]`).test(text))).toEqual([])
  })
})

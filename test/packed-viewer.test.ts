import { describe, expect, test } from 'vitest'
import type { ActorKind } from '../actors/index.ts'
import { viewer } from '../actors/viewer.ts'
import { packed, type Share, spotIn, streamsIn, unpacked } from '../machines/packed-viewer.ts'
import type { Beat, Show, ViewerContext, ViewerEvent } from '../machines/viewer.ts'
import { Names } from '../src/partition/names.ts'
import { Transitions } from '../src/partition/transitions.ts'
import { beat, JUNK, spoilt } from './support/hostile-events.ts'
import { NOON, OnePartition } from './support/one-partition.ts'
import { type Random, seeded } from './support/random.ts'

const rules = { gapMs: 100_000, lateMs: 700_000 }

/** Texts of which some are others put together. */
const beatOf = (random: Random, at: number): Beat => ({
  ...{ at, path: random.pick(['/', '/a', '/ab']), stream: random.pick([null, '', 'a', 'b']) },
  ...{ country: random.pick(['TW', 'T', 'bTW']), groups: random.pick([[], [''], ['a', 'b'], ['ab']]) },
})

const SHOWS: (Show | null)[] = [null, { streamerId: 's', preset: 'tp' }, { streamerId: 'st', preset: 'p' }]

/** The contexts that a viewer goes through, which now and then stays where it is for a while. */
function* contexts(random: Random): Generator<ViewerContext> {
  const transitions = new Transitions()
  let snapshot = transitions.initial(viewer)
  let [beat, show] = [beatOf(random, NOON), random.pick(SHOWS)]
  for (let at = NOON, n = 0; n < 60; n++) {
    at += random.pick([0, 30_000, 30_000, 30_000, 150_000, 400_000])
    if (random.chance(0.3)) [beat, show] = [beatOf(random, at), random.pick(SHOWS)]
    const late = random.chance(0.1) ? random.int(0, 600_000) : 0
    const frozen = random.chance(0.1) && beat.stream !== null ? [beat.stream] : []
    const heard: ViewerEvent = { type: 'heartbeat', beat: { ...beat, at: at - late }, show, arrival: at, frozen, rules }
    const event: ViewerEvent = random.chance(0.2) ? { type: 'deadline', at, rules } : heard
    snapshot = transitions.step({ kind: viewer, snapshot }, event).snapshot
    yield snapshot.context as ViewerContext
  }
}

test('a viewer that was packed is the one it was, and where it is is known', () => {
  const random = seeded('packed')
  const { thing } = new Names()
  let lists = 0
  for (let n = 0; n < 300; n++) {
    for (const context of contexts(random)) {
      const found = packed(context, thing)
      if (context.last === null) {
        expect(found).toBeNull()
        continue
      }
      expect(unpacked(found!)).toStrictEqual(context)
      const { at: _, ...place } = context.last
      expect(spotIn(found!)).toMatchObject(place)
      // At a stream of these an event needs records of that one alone.
      expect(streamsIn(found!.spots)).toEqual(context.streams)
      for (const stream of context.streams) {
        const needed = viewer.tallyRecords(context, { stream, at: NOON })
        expect(needed).toEqual([['stream', stream], ...viewer.tallyRecords(context, { stream: null, at: NOON })])
      }
      if (Array.isArray(found!.spots)) lists++
    }
  }
  expect(lists).toBeGreaterThan(1_000)
})

test('a viewer that stays where it is has its texts with all others who are there, and nothing but numbers of its own', () => {
  const { thing } = new Names()
  const at = (n: number): ViewerContext => ({
    last: { at: n, path: '/a', stream: 'a', country: 'TW', groups: ['free'] },
    runs: [{ start: n, end: n, written: n }],
    cohorts: [{ window: n - (n % 300_000), at: n, path: '/a', country: 'TW', groups: ['free'] }],
    ...{ streams: ['a'], watched: [{ streamerId: 's', preset: 'p', at: n, written: n }], deadline: n + 65_000 },
  })
  const [one, other] = [NOON, NOON + 1_000].map(n => packed(at(n), thing)!)
  expect(one!.spots).toBe(other!.spots)
  expect(one!.numbers).toHaveLength(9)
})

const apart: Share = (_, make) => make()
const place = { path: '/a', country: 'TW', groups: ['free'] }
const WHOLE: ViewerContext = {
  last: { at: 5, stream: 'a', ...place },
  runs: [{ start: 5, end: 5, written: 5 }],
  cohorts: [{ window: 0, at: 5, ...place }],
  ...{ streams: ['a'], watched: [{ streamerId: 's', preset: 'p', at: 5, written: 5 }], deadline: 65_005 },
}

/** The value with each kind of junk in the place of each thing in it. */
function* spoiltIn(value: unknown): Generator<unknown> {
  yield* JUNK
  if (typeof value !== 'object' || value === null) return
  for (const [field, inside] of Object.entries(value)) {
    for (const junk of spoiltIn(inside)) {
      if (Array.isArray(value)) yield [junk]
      else yield { ...value, [field]: junk }
    }
  }
}

test('a record of a viewer that holds what no machine of this version makes is not packed', () => {
  expect(packed({ ...WHOLE, cohorts: [{ window: 1, at: 5, ...place }] }, apart)).toBeNull()
  let left = 0
  for (const context of spoiltIn(WHOLE)) {
    if (Object.keys(context ?? {}).length !== Object.keys(WHOLE).length) continue
    const record = context as ViewerContext
    const found = packed(record, apart)
    if (found === null) left++
    else expect(unpacked(found)).toStrictEqual(record)
  }
  expect(left).toBeGreaterThan(200)
})

describe('a viewer of whom a log holds anything', () => {
  const unpackable = { ...viewer, pulse: { ...viewer.pulse, pack: () => null } } as unknown as ActorKind
  const fail = (): never => {
    throw new Error('It cannot be packed.')
  }
  const throwing = { ...viewer, pulse: { ...viewer.pulse, pack: fail } } as unknown as ActorKind
  const noShows = [null, undefined, 'null', 'undefined', 's'].flatMap(streamer =>
    [null, undefined, 'null', 'undefined', 'p'].map(preset => ({ streamer, preset })),
  )
  const events = [
    ...[...spoilt(beat('ann'))].filter(([name]) => !/^(key|at|arrival)/.test(name)).map(([, event]) => event),
    ...noShows.map(show => beat('ann', show)),
  ].map((event, n) => ({ ...event, key: `user-${n}` }))
  const later = events.map(event => ({ ...event, at: NOON + 30_000, arrival: NOON + 30_000 }))
  const all = async (kind: ActorKind): Promise<unknown[]> => {
    const one = await OnePartition.claim({ kinds: [kind] })
    await one.applyTogether(events)
    await one.restart()
    await one.applyTogether(later)
    return Promise.all(events.map(({ key }) => one.partition.view('viewer', key)))
  }

  test('is the one it would be if none were packed, before and after a restart', async () => {
    expect(await all(viewer as unknown as ActorKind)).toStrictEqual(await all(unpackable))
  })

  test('stays as it is where packing fails', async () => {
    expect(await all(throwing)).toStrictEqual(await all(unpackable))
  })
})

test('things of which too many are known are made anew, and stay what they were for who has them', () => {
  const names = new Names()
  const make = (): object => ({})
  const first = names.thing('first', make)
  expect(names.thing('first', make)).toBe(first)
  for (let n = 0; n < 2_000; n++) names.thing(`${n}`.padStart(1_000), make)
  expect(names.thing('first', make)).not.toBe(first)
})

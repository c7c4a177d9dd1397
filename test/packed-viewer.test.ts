import { expect, test } from 'vitest'
import { viewer } from '../actors/viewer.ts'
import { packed, type Share, spotIn, unpacked } from '../machines/packed-viewer.ts'
import type { Beat, Show, ViewerContext, ViewerEvent } from '../machines/viewer.ts'
import { Names } from '../src/partition/names.ts'
import { Transitions } from '../src/partition/transitions.ts'
import { NOON } from './support/one-partition.ts'
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

test('a record of a viewer that holds what no machine of this version makes is not packed', () => {
  const share: Share = (_, make) => make()
  const last = { at: 5, path: '/a', country: 'TW', groups: [] }
  const rest = { runs: [], cohorts: [], streams: [], watched: [], deadline: null }
  expect(packed({ ...rest, last } as unknown as ViewerContext, share)).toBeNull()
  const cohorts = [{ window: 1, ...last }]
  expect(packed({ ...rest, last: { ...last, stream: null }, cohorts }, share)).toBeNull()
})

test('things of which too many are known are made anew, and stay what they were for who has them', () => {
  const names = new Names()
  const make = (): object => ({})
  const first = names.thing('first', make)
  expect(names.thing('first', make)).toBe(first)
  for (let n = 0; n < 2_000; n++) names.thing(`${n}`.padStart(1_000), make)
  expect(names.thing('first', make)).not.toBe(first)
})

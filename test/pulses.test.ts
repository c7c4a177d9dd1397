import { expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import type { ActorKind } from '../actors/index.ts'
import { KINDS } from '../actors/kinds.ts'
import { MOST_ROLLS } from '../machines/pulse.ts'
import { memoryDocuments } from '../src/documents/memory.ts'
import { allRecords } from './support/all-records.ts'
import { INCARNATION, load } from './support/checkpoint-records.ts'
import { NOON, OnePartition, tick } from './support/one-partition.ts'
import { type Random, seeded } from './support/random.ts'
import { ManualTime } from './support/time.ts'

const USERS = ['a', 'b', 'c']
const SHOWS = [
  {},
  { streamer: 's', preset: 'public' },
  { streamer: 's', preset: 'private' },
  { streamer: 't', preset: 'public' },
]
const WHOLE = KINDS.map(({ pulse: _, ...kind }) => kind)
const RULES = { gapMs: 100_000, lateMs: 700_000 }

/** Beats as they come, most of them of viewers who stay where they are, among ticks. */
function history(random: Random): Event[] {
  const at = new Map(USERS.map(key => [key, NOON]))
  const places = new Map(USERS.map(key => [key, place(random)]))
  let now = NOON
  const [longest, restless] = [random.pick([12_000, 30_000]), random.pick([0.1, 0.01])]
  return Array.from({ length: random.int(20, 200) }, () => {
    now += random.int(0, longest)
    if (random.chance(0.1)) return tick(now + random.pick([0, 0, 0, 0, -10_000_000, 100_000_000]))
    const key = random.pick(USERS)
    if (random.chance(0.03)) return freeing(key, random.pick(['parked.retry', 'parked.drop']), now)
    if (random.chance(restless)) places.set(key, place(random))
    if (random.chance(restless / 5)) now += random.pick([90_000, 110_000, 800_000, 90_000_000])
    const late = random.chance(0.1) ? random.pick([0, 1, 30_000, 400_000, 800_000]) : 0
    const beaten = random.chance(0.05) ? at.get(key)! : now - late
    at.set(key, beaten)
    const poison = random.chance(0.02) && random.pick([{ groups: [7] }, { preset: 7 }, { country: null }])
    return { kind: 'heartbeat', key, id: '', at: beaten, arrival: now, ...places.get(key)!, ...poison }
  })
}

const freeing = (key: string, kind: string, at: number): Event => {
  return { kind, key: '', id: '', at, arrival: at, actor: `viewer/${key}` }
}

function place(random: Random) {
  const stream = random.pick([null, 'x', 'y'])
  return {
    ...{ path: stream === null ? random.pick(['/', '/about']) : `/live/${stream}`, stream },
    ...{ country: random.pick(['TW', 'FR']), groups: random.pick([[], ['a'], ['a', 'b']]) },
    ...(stream !== null && random.pick(SHOWS)),
  }
}

type Write = OnePartition['writes'][number]
const nameOf = ({ collection, id }: Write): string => `${collection}/${id}`

/** All that a partition comes to. The order of a cut's documents decides nothing. */
async function remains({ store, partition, writes, told, heard }: OnePartition) {
  const viewers = await Promise.all(USERS.map(key => partition.view('viewer', key)))
  const records = await allRecords(store, partition.claim)
  for (const [name, value] of records) {
    if (name.startsWith('["documents"'))
      records.set(name, new Map((value as Write[]).map(each => [nameOf(each), each.set])))
  }
  const documents = new Map(writes.map(write => [nameOf(write), write.set]))
  const { counters, clock } = partition
  const alive = Array.from({ length: 10 }, (_, n) => counters.audience(clock.time + n * 10_000))
  return { viewers, records, documents, told, heard, alive, totals: counters.totals }
}

test('pulses come to what the machine would have made of them, whatever is committed or started anew between', async () => {
  const random = seeded('pulses')
  let pulsed = 0
  let rolled = 0
  let written = 0
  for (let round = 0; round < 300; round++) {
    const documents = () => memoryDocuments({ time: new ManualTime() })
    const lives = { rules: RULES, snapshots: random.chance(0.3) ? ['viewer'] : [], hasRows: random.chance(0.5) }
    const one = await OnePartition.claim({ ...lives, documents: documents() })
    const other = await OnePartition.claim({ ...lives, documents: documents(), kinds: WHOLE })
    const events = history(random)
    while (events.length > 0) {
      const entries = Array.from({ length: random.int(1, 5) }, () => events.splice(0, random.int(1, 6)))
      const together = entries.filter(entry => entry.length > 0)
      await one.applyTogether(...together)
      await other.applyTogether(...together)
      pulsed += one.pulsed
      for (const key of USERS) {
        const stay = one.partition.residents.find('viewer', key)?.stay
        if (stay && stay.rolls.length > 0) rolled++
        if (stay && stay.written > 0 && stay.written < stay.at) written++
      }
      if (random.chance(0.1)) for (const each of [one, other]) await each.restart()
      if (random.chance(0.2)) for (const each of [one, other]) each.partition.evict(each.partition.clock.time)
      if (random.chance(0.2)) for (const key of USERS) one.partition.residents.forget(`viewer/${key}`)
      if (random.chance(0.1))
        expect(await one.partition.view('viewer', 'a')).toEqual(await other.partition.view('viewer', 'a'))
    }
    expect(await remains(one)).toEqual(await remains(other))
    if (random.chance(0.5)) await one.restart()
    for (const key of USERS)
      while (one.partition.parking.has(`viewer/${key}`)) await one.apply(freeing(key, 'parked.drop', NOON))
    // When all are gone the records of actors have all there is.
    const { time, epoch } = one.partition.clock
    await one.apply(tick(Math.max(time, NOON) + 1_000_000_000, epoch))
    expect(await load(one.store, one.partition.claim, { space: 'aggregate', names: ['pulses'] })).toEqual([])
  }
  // Else nothing was shown.
  expect(pulsed).toBeGreaterThan(1_000)
  expect(written).toBeGreaterThan(100)
  expect(rolled).toBeGreaterThan(100)
})

test('a viewer that stays for hours is as the machine has it, with a start between, and is written whole now and then', async () => {
  const one = await OnePartition.claim({ hasRows: true })
  const other = await OnePartition.claim({ hasRows: true, kinds: WHOLE })
  const rolls: number[] = []
  for (let n = 0; n < 360; n++) {
    const { time } = one.partition.clock
    const said = n % 2 === 0 ? tick(Math.max(time, NOON + n * 30_000)) : beatOn('y', 'c', n)
    const events = [beatOn('x', 'a', n), beatOn('x', 'b', n), said]
    for (const each of [one, other]) await each.applyTogether(events)
    rolls.push(one.partition.residents.get('viewer/a').stay?.rolls.length ?? 0)
    if (n === 200) for (const each of [one, other]) await each.restart()
    if (n % 50 === 0) expect(await remains(one)).toEqual(await remains(other))
  }
  expect(Math.max(...rolls)).toBe(MOST_ROLLS)
  expect(rolls.at(-1)).toBeLessThan(MOST_ROLLS)
})

/** A beat of a viewer on the page of a stream, so many times 30 s from noon. */
const beatOn = (stream: string, key: string, n: number, arrival = NOON + n * 30_000): Event => {
  const at = NOON + n * 30_000
  return { ...{ kind: 'heartbeat', key, id: '', at, arrival, path: '/p', stream }, country: 'TW', groups: [] } as Event
}

const aggregate = async ({ store, partition }: OnePartition, ...names: string[]): Promise<unknown> => {
  const [record] = await load(store, partition.claim, { space: 'aggregate', names })
  return record?.value
}

test('a late beat of a viewer that stays where it is adds to what its window had before the start', async () => {
  const one = await OnePartition.claim({ hasRows: true })
  for (const key of ['a', 'b', 'c']) await one.apply(beatOn('x', key, 0))
  await one.apply(beatOn('x', 'd', 20))
  await one.restart()
  for (const n of [21, 22]) await one.apply(beatOn('x', 'd', n))
  expect(one.pulsed).toBe(1)
  await one.apply(beatOn('x', 'd', 0, NOON + 23 * 30_000))
  expect(await aggregate(one, 'window', String(NOON))).toMatchObject({ viewerCount: 4 })
})

test('a viewer whose parked event is dropped after its stream froze leaves what the stream had', async () => {
  const one = await OnePartition.claim({ hasRows: true })
  for (const key of ['a', 'b']) for (const n of [0, 1, 2]) await one.apply(beatOn('x', key, n))
  expect(one.pulsed).toBe(1)
  await one.apply({ ...beatOn('x', 'a', 1), groups: [7] } as unknown as Event)
  const later = NOON + 2 * 86_400_000
  await one.apply(tick(later))
  one.partition.evict(later)
  expect(one.partition.counters.streams).toEqual([])
  await one.apply(freeing('a', 'parked.drop', later))
  await one.apply(beatOn('x', 'a', 4, later))
  expect(await aggregate(one, 'stream', 'x')).toEqual({ attendance: 2, lastArrival: NOON + 2 * 30_000 })
})

test('a record of pulses goes though one of its viewers was gone before the start, and never comes back', async () => {
  const one = await OnePartition.claim()
  await one.apply(beatOn('x', 'a', 0), beatOn('x', 'b', 4))
  await one.applyTogether([beatOn('x', 'a', 1, NOON + 5 * 30_000), beatOn('x', 'b', 5)])
  expect(one.pulsed).toBe(2)
  for (const n of [10, 11]) await one.apply(tick(NOON + n * 30_000))
  expect((await one.view('viewer', 'a')).value).toBe('away')
  expect(await aggregate(one, 'pulses')).toBeDefined()
  await one.restart()
  await one.apply(tick(NOON + 86_400_000))
  expect(await aggregate(one, 'pulses')).toBeUndefined()
})

test('a beat is no pulse whose facts or time the machine would not take', async () => {
  const one = await OnePartition.claim()
  for (const n of [0, 1]) await one.apply(beatOn('x', 'a', n))
  expect(one.pulsed).toBe(1)
  await one.apply({ ...beatOn('x', 'a', 2), preset: 7 } as Event)
  expect(one.partition.parking.has('viewer/a')).toBe(true)
  for (const at of [-600_000, -350_000, -200_000, 0, 0.5]) await one.apply({ ...beatOn('x', 'b', 0), at })
  const whole = await OnePartition.claim({ kinds: WHOLE })
  for (const at of [-600_000, -350_000, -200_000, 0, 0.5]) await whole.apply({ ...beatOn('x', 'b', 0), at })
  await one.restart()
  expect(await one.view('viewer', 'b')).toEqual(await whole.view('viewer', 'b'))
})

test.each([
  [1, false],
  [2, false],
  [2, true],
])('a viewer whose record is of version %i is written whole before it has a stay, due: %s', async (version, isDue) => {
  const one = await OnePartition.claim()
  const beat = (n: number): Event => {
    const at = NOON + n * 30_000
    return { kind: 'heartbeat', key: 'a', id: '', at, arrival: at, path: '/', stream: null, country: 'TW', groups: [] }
  }
  await one.apply(beat(0))
  const { store, partition } = one
  const key = { space: 'actor' as const, names: ['viewer', 'a', ''] }
  const [record] = await load(store, partition.claim, key)
  const [, state, context] = record!.value as [number, unknown, unknown]
  // As the second version has them.
  const pulses = { kind: 'viewer', keys: ['a'], from: NOON, after: [15_000] }
  const column = { space: 'aggregate' as const, names: ['pulses', '0000000000000001-0'], value: pulses }
  const puts = [{ ...key, value: [version, state, context] }, ...(version === 1 ? [] : [column])]
  await store.commit(partition.claim, partition.claim.cut, { incarnation: INCARNATION, mark: null, puts, removes: [] })
  await one.restart()
  const heard = NOON + (version === 1 ? 0 : 15_000)
  expect((await one.view('viewer', 'a')).context).toMatchObject({ last: { at: heard }, runs: [{ end: heard }] })
  const pulsed: number[] = []
  if (isDue) await one.apply(tick(NOON + 300_000))
  if (isDue) expect([one.pulsed, (await one.view('viewer', 'a')).value]).toEqual([0, 'watching'])
  for (const n of [1, 2, 3]) {
    await one.apply(beat(n))
    pulsed.push(one.pulsed)
  }
  expect(pulsed).toEqual(isDue ? [1, 1, 1] : [0, 1, 1])
})

test('what an entry brings together is as late as its last beat, whether that is a pulse or not', async () => {
  const visit = { id: 'e', ts: NOON, page: '/' }
  const visited = { kind: 'web-event', key: 'v', id: 'e', at: NOON, arrival: NOON, visit } as Event
  const [at, atOfWhole] = await Promise.all(
    [KINDS, WHOLE].map(async kinds => {
      const one = await OnePartition.claim({ kinds, hasRows: true, snapshots: ['visitor'] })
      for (const n of [0, 1]) await one.apply(beatOn('x', 'a', n))
      await one.applyTogether([visited, beatOn('x', 'a', 2)])
      return one.writes.find(({ id }) => id === 'visitor/v')?.set?.at
    }),
  )
  expect([at, atOfWhole]).toEqual([new Date(NOON + 60_000), new Date(NOON + 60_000)])
})

test.each([
  true,
  false,
])('alike beats are looked at once, though each is an object of its own; rows: %s', async hasRows => {
  let looks = 0
  const kinds = KINDS.map((kind: ActorKind): ActorKind => {
    if (!kind.pulse) return kind
    const { until, ...pulse } = kind.pulse
    const counted: typeof until = (...given) => {
      looks++
      return until(...given)
    }
    return { ...kind, pulse: { ...pulse, until: counted } }
  })
  const one = await OnePartition.claim({ kinds, hasRows })
  for (let n = 0; n < 9; n++) await one.apply(beatOn('x', 'a', n))
  expect([one.pulsed, looks]).toEqual([1, 1])
  for (const [n, other] of [{ country: 'FR' }, { groups: ['z'] }, { path: '/' }].entries()) {
    await one.apply({ ...beatOn('x', 'a', 10 + n), ...other })
    expect((await one.view('viewer', 'a')).context).toMatchObject({ last: other })
  }
})

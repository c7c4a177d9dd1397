import { expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { FREEZE_MS } from '../src/audience/counters.ts'
import type { LiveContent } from '../src/audience/index.ts'
import { attendance } from '../src/partition/attendance.ts'
import { INCARNATION } from './support/checkpoint-records.ts'
import { NOON, OnePartition } from './support/one-partition.ts'
import { seeded } from './support/random.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const beat = (key: string, at: number, stream: string | null): Event => ({
  ...{ kind: 'heartbeat', key, id: '', at, arrival: at },
  ...{ path: '/', stream, country: 'ZZ', groups: [] },
})

/** What the checkpoint tells: users by stream, those of all by null. */
async function told({ partition, store }: OnePartition, now: number) {
  const faults = toldFaults()
  const sets = new Map<string | null, Set<string>>()
  const contents: LiveContent[] = []
  for await (const content of attendance(partition, store, { time: new ManualTime(now), faults })) {
    contents.push(content)
    for (const [stream, userId] of content.attended!) sets.set(stream, (sets.get(stream) ?? new Set()).add(userId))
  }
  return { sets, contents, faults }
}

test('all who attended are in the checkpoint: as many as are counted, in all and on each stream that counts', async () => {
  const random = seeded('attendance')
  for (let round = 0; round < 20; round++) {
    const one = await OnePartition.claim()
    let now = NOON
    for (let n = 0; n < 60; n++) {
      now += random.chance(0.1) ? random.int(0, FREEZE_MS) : random.int(0, 60_000)
      await one.apply(beat(`u${random.int(0, 20)}`, now, random.pick([null, 's1', 's2', 's3'])))
    }
    await one.restart()
    const { sets, contents } = await told(one, now)
    const { counters } = one.partition
    expect(sets.get(null)!.size).toBe(counters.totals.attendance)
    const counting = ['s1', 's2', 's3'].filter(
      stream => !counters.isFrozen(stream, now) && counters.streams.includes(stream),
    )
    for (const stream of counting)
      expect([stream, sets.get(stream)?.size ?? 0]).toEqual([stream, counters.attendanceOf(stream)])
    expect([...sets.keys()].filter(stream => stream !== null).sort()).toEqual(counting)
    const left = new Map(contents.flatMap(({ streams }) => streams!))
    for (const ms of left.values()) expect(ms > 0 && ms <= FREEZE_MS).toBe(true)
    expect([...left.keys()].sort()).toEqual(counting)
  }
})

test('very many who attended are told in parts', async () => {
  const one = await OnePartition.claim()
  const events = Array.from({ length: 2_500 }, (_, n) => beat(`u${n}`, NOON + n, 's1'))
  const entry = { seq: 1, events }
  await one.partition.prepare([entry])
  one.partition.apply(entry)
  await one.store.commit(one.partition.claim, 1, { incarnation: INCARNATION, ...one.partition.take().delta })
  const { sets, contents } = await told(one, NOON)
  expect([sets.get(null)!.size, sets.get('s1')!.size]).toEqual([2_500, 2_500])
  for (const { attended } of contents) expect(attended!.length).toBeLessThanOrEqual(1_001)
})

test.each([
  ['version', [99, 'watching', {}]],
  ['state', [1, 'nowhere', {}]],
  ['shape', [1, 'watching', { last: { at: NOON }, streams: 5 }]],
])('a viewer of an unknown %s does not keep the others from being told', async (_, value) => {
  const one = await OnePartition.claim()
  await one.apply(beat('ann', NOON, 's1'), beat('ben', NOON, 's1'))
  const puts = [{ space: 'actor' as const, names: ['viewer', 'ann', ''], value }]
  const { claim } = one.partition
  await one.store.commit(claim, claim.cut, { incarnation: INCARNATION, mark: null, puts, removes: [] })
  const { sets, faults } = await told(one, NOON)
  expect([[...sets.get(null)!], faults.all.length]).toEqual([['ben'], 1])
})

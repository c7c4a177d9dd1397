import { expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { KINDS } from '../actors/kinds.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import { Partition } from '../src/partition/partition.ts'
import { tick } from './support/one-partition.ts'

const rules = { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }
const NOON = Date.UTC(2026, 0, 1, 12)
const HOUR = 3_600_000

const beat = (userId: string, stream: string, at: number): Event => ({
  ...{ kind: 'heartbeat', key: userId, id: '', at, arrival: at },
  ...{ path: `/live/${stream}`, stream, country: 'ZZ', groups: [] },
})

/** A partition after these beats, one an entry, of which each is told what time it is. */
async function applied(beats: Event[]): Promise<Partition> {
  const store = memoryCheckpoints()
  const partition = new Partition(await store.claim(0, 'test'), KINDS, rules, store)
  for (const event of beats) {
    const entry = { seq: partition.applied + 1, events: [tick(event.at), event] }
    await partition.prepare([entry])
    partition.apply(entry)
  }
  return partition
}

/** Attendance of stream s after these beats. */
const attendance = async (beats: Event[]): Promise<number> => (await applied(beats)).attendanceOf('s')

test('a stream counts a viewer that comes within a day of its last beat', async () => {
  expect(await attendance([beat('u', 's', NOON), beat('v', 's', NOON + 23 * HOUR)])).toBe(2)
})

test('a stream without a beat for a day counts nobody any more', async () => {
  expect(await attendance([beat('u', 's', NOON), beat('v', 's', NOON + 24 * HOUR)])).toBe(1)
})

test('beats on a frozen stream do not wake it, so nobody is counted twice', async () => {
  const beats = [beat('u', 's', NOON), beat('u', 't', NOON + 25 * HOUR), beat('u', 's', NOON + 25 * HOUR + 30_000)]
  expect(await attendance([...beats, beat('u', 's', NOON + 25 * HOUR + 60_000)])).toBe(1)
})

test('of one viewer no more than a thousand streams are known at a time', async () => {
  const beats = Array.from({ length: 1_200 }, (_, n) => beat('u', `s${n}`, NOON + n))
  expect((await applied(beats)).counters.streams).toHaveLength(1_000)
})

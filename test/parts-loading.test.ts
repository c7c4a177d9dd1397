import { expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { KINDS } from '../actors/kinds.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import { Partition } from '../src/partition/partition.ts'
import { INCARNATION } from './support/checkpoint-records.ts'
import { MINUTE, NOON } from './support/one-partition.ts'

const RULES = { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }
const DAY = 1_440 * MINUTE

const visit = (id: string, ts: number): Event => ({
  ...{ kind: 'web-event', key: 'v', id, at: ts, arrival: NOON + DAY },
  visit: { id, ts, page: '/' },
})

test('a commit that comes while a former day is loaded writes nothing of it', async () => {
  const store = memoryCheckpoints()
  let loaded = (): void => {}
  const slow = {
    ...store,
    async *load(...asked: Parameters<typeof store.load>) {
      for await (const record of store.load(...asked)) {
        yield record
        loaded()
      }
    },
  }
  const partition = new Partition(await store.claim(0, 'test'), KINDS, RULES, slow)
  let seq = 0
  const apply = async (event: Event): Promise<void> => {
    const entries = [{ seq: ++seq, events: [event] }]
    await partition.prepare(entries)
    for (const entry of entries) partition.apply(entry)
  }
  await apply(visit('a', NOON))
  await apply(visit('b', NOON + DAY))
  const { seq: cut, delta } = partition.take()
  await store.commit(partition.claim, cut, { incarnation: INCARNATION, ...delta })
  partition.evict(NOON)
  await apply(visit('c', NOON + DAY + MINUTE))

  const written: string[] = []
  loaded = () => {
    for (const { space, names } of partition.take().delta.puts) if (space === 'actor') written.push(names.join('/'))
  }
  await apply(visit('d', NOON + MINUTE))
  expect(written.filter(name => name.includes('2026-01-01'))).toEqual([])
  expect(written).toContain('visitor/v/day/2026-01-02')
})

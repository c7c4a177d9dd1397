import { expect, test } from 'vitest'
import type { Processor } from '../src/partition/processor.ts'
import { measured } from '../src/shard/measured.ts'
import { ManualTime } from './support/time.ts'

test('the age of the oldest effect is of each partition, never of several together', async () => {
  const time = new ManualTime()
  const of = (partition: number, waitsForMs?: number): [number, Processor] => {
    const oldest = waitsForMs === undefined ? undefined : time.now() - waitsForMs
    const parts = {
      ...{ meter: { read: () => [] }, claim: { partition, epoch: 1, cut: 0 }, applied: 0, parking: { count: 0 } },
      ...{ outbox: { standing: { waiting: 1, parked: 0, oldest } }, counters: { late: 0 } },
      residents: { counts: new Map(), bytes: 0, dirty: 0 },
    }
    return [partition, { partition: parts, committer: { lastAt: 0 }, replayUntil: 0 } as unknown as Processor]
  }
  const log = { bounds: async () => ({ first: 1, last: 0, incarnation: 'log' }) }
  const all = await measured(new Map([of(0, 40_000), of(1, 30_000), of(2)]), [], { log, time, ends: new Map() })
  const ages = all.filter(({ name }) => name === 'rollcall_outbox_oldest_seconds')
  expect(ages.map(({ labels, value }) => [labels.partition, value])).toEqual([
    ['0', 40],
    ['1', 30],
    ['2', 0],
  ])
})

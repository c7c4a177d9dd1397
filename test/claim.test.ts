import { describe, expect, test } from 'vitest'
import { memoryLiveSets } from '../src/audience/memory.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import type { DocumentStore } from '../src/documents/index.ts'
import type { Bounds, EventLog } from '../src/log/index.ts'
import { Processor } from '../src/partition/processor.ts'
import { ManualTime, toldFaults } from './support/time.ts'

/** Claims a partition whose checkpoint of log `one` is cut at 5, over a log with these bounds. */
async function claimOver(bounds: Bounds, mark: string | null = 'five'): Promise<string> {
  const store = memoryCheckpoints()
  const claim = await store.claim(0, 'before')
  await store.commit(claim, 5, { incarnation: 'one', mark: 'five', puts: [], removes: [] })
  const log = {
    bounds: async () => bounds,
    mark: async () => mark,
    append: async () => bounds.last + 1,
    read: async function* () {},
  }
  const processor = Processor.claim(0, {
    ...{ owner: 'test', kinds: [], rules: { zone: 'UTC', inactivityMs: 1, gapMs: 1, lateMs: 1 }, flushMs: 10 },
    ...{ log: log as unknown as EventLog, store },
    ...{
      documents: {} as DocumentStore,
      live: memoryLiveSets(new ManualTime()),
      partitions: 1,
      receiverOf: () => ({ perform: async () => ({ outcome: 'done' as const }) }),
    },
    time: new ManualTime(),
    faults: toldFaults(),
  })
  return processor.then(
    () => 'claimed',
    error => error.code,
  )
}

describe('a partition whose cut is 5', () => {
  test('goes on with a log that reaches from there', async () => {
    expect(await claimOver({ incarnation: 'one', first: 6, last: 5 })).toBe('claimed')
  })

  test('is refused a log that ends before its cut', async () => {
    expect(await claimOver({ incarnation: 'one', first: 1, last: 4 })).toBe('RC_LOG_BEHIND')
  })

  test('is refused a log with another entry at its cut', async () => {
    expect(await claimOver({ incarnation: 'one', first: 1, last: 9 }, 'other')).toBe('RC_LOG_BEHIND')
  })

  test('is refused another log', async () => {
    expect(await claimOver({ incarnation: 'two', first: 1, last: 9 })).toBe('RC_LOG_BEHIND')
  })

  test('is refused a log that begins after its next entry', async () => {
    expect(await claimOver({ incarnation: 'one', first: 7, last: 9 })).toBe('RC_LOG_TRUNCATED')
  })
})

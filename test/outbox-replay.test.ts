import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { memoryLiveSets } from '../src/audience/memory.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import type { DocumentStore } from '../src/documents/index.ts'
import type { EventLog } from '../src/log/index.ts'
import { Processor } from '../src/partition/processor.ts'
import { adder } from './support/adder.ts'
import { NOON } from './support/one-partition.ts'
import { ManualTime, toldFaults } from './support/time.ts'
import { effect } from './support/world.ts'

const waiting = effect('k', {})
const nothing: Event = { kind: 'nobody takes it', key: '', id: '', at: NOON, arrival: NOON }
const failed: Event = { ...nothing, kind: 'effect.failed', effect: waiting.id, error: 'no', code: 'X' }

/** Claims a partition with one effect in its outbox and these entries behind its cut; what was performed when it was done. */
async function performed(entries: Event[]): Promise<string[]> {
  const store = memoryCheckpoints()
  const former = await store.claim(0, 'before')
  const puts = [{ space: 'outbox' as const, names: [waiting.id], value: waiting }]
  await store.commit(former, 1, { incarnation: 'one', mark: null, puts, removes: [] })
  const tried: string[] = []
  const last = 1 + entries.length
  const log = {
    bounds: async () => ({ incarnation: 'one', first: 1, last }),
    append: async () => last,
    async *read() {
      for (const [i, each] of entries.entries()) {
        for (let turn = 0; turn < 20; turn++) await nextTurn()
        yield [{ seq: i + 2, events: [each] }]
      }
    },
  } as unknown as EventLog
  const processor = await Processor.claim(0, {
    ...{ owner: 'test', kinds: [adder(() => false)], rules: { zone: 'UTC', inactivityMs: 1, gapMs: 1, lateMs: 1 } },
    ...{
      log,
      store,
      live: memoryLiveSets(new ManualTime()),
      partitions: 1,
      flushMs: 10,
      time: new ManualTime(NOON),
      faults: toldFaults(),
    },
    documents: { upsertMany: async () => {}, find: async () => [] as unknown } as unknown as DocumentStore,
    receiverOf: () => ({
      async perform({ id }) {
        tried.push(id)
        return { outcome: 'done' }
      },
    }),
  })
  onTestFinished(() => processor.drain())
  await processor.committer.settled(last, 20_000)
  for (let turn = 0; turn < 50; turn++) await nextTurn()
  return tried
}

test('an effect that the log gave up behind the cut is not performed after a restart', async () => {
  expect(await performed([nothing, failed])).toEqual([])
})

test('an effect that is still waiting when the log ends is performed', async () => {
  expect(await performed([nothing, nothing])).toEqual([waiting.id])
})

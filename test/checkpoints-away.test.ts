import { describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { KINDS } from '../actors/kinds.ts'
import { memoryLiveSets } from '../src/audience/memory.ts'
import type { CheckpointStore } from '../src/checkpoint/index.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import { memoryDocuments } from '../src/documents/memory.ts'
import { RollcallError } from '../src/errors.ts'
import { LogInMemory } from '../src/log/memory.ts'
import { Processor } from '../src/partition/processor.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const NOON = Date.UTC(2026, 0, 1, 12)
const rules = { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }
const beat = (at: number): Event => ({
  ...{ kind: 'heartbeat', key: 'ann', id: '', at, arrival: at },
  ...{ path: '/', stream: null, country: 'TW', groups: [] },
})

/** A partition over checkpoints whose loads of actors fail as long as the test says. */
function partition() {
  const time = new ManualTime(NOON)
  const faults = toldFaults()
  const log = new LogInMemory({ partitions: 1, settings: {}, time })
  const kept = memoryCheckpoints()
  const failing: { error: Error | null } = { error: null }
  const store: CheckpointStore = {
    ...kept,
    async *load(claim, keys) {
      if (failing.error && keys.some(({ space }) => space === 'actor')) throw failing.error
      yield* kept.load(claim, keys)
    },
  }
  const during = async <T>(work: Promise<T>): Promise<T> => {
    let isDone = false
    work.finally(() => {
      isDone = true
    })
    while (!isDone) await time.advance(10)
    return work
  }
  const claim = (): Promise<Processor> =>
    during(
      Processor.claim(0, {
        ...{ owner: 'test', kinds: KINDS, rules, log: log.open(), store, time, faults, partitions: 1, flushMs: 10 },
        ...{ live: memoryLiveSets(time), documents: memoryDocuments({ time }) },
        receiverOf: () => ({ perform: async () => ({ outcome: 'done' }) }),
      }),
    )
  const append = (...events: Event[]): Promise<number> => during(log.open().append(0, events))
  return { time, faults, failing, claim, append, during }
}

describe('a partition that needs an actor while checkpoints give no answer', () => {
  test('waits for them, and goes on where it was', async () => {
    const { time, faults, failing, claim, append, during } = partition()
    const first = await claim()
    await append(beat(NOON))
    await time.advance(100)
    await during(first.drain())

    const second = await claim()
    await time.advance(100)
    failing.error = new RollcallError('RC_STORE_UNAVAILABLE')
    await append(beat(NOON + 86_400_000))
    const seq = await append({ ...beat(NOON), key: 'ben' })
    await time.advance(60_000)
    expect([second.stopped, second.partition.applied < seq]).toEqual([undefined, true])
    failing.error = null
    await time.advance(10_000)
    expect([second.stopped, second.partition.applied >= seq]).toEqual([undefined, true])
    expect(new Set(faults.all.map(([step]) => step))).toEqual(new Set(['load']))
    await during(second.drain())
  })

  test('stops where they answer with something else', async () => {
    const { time, failing, claim, append } = partition()
    const processor = await claim()
    failing.error = new Error('a record that cannot be read')
    await append(beat(NOON))
    await time.advance(1_000)
    expect(processor.stopped?.code).toBe('RC_PARTITION_STOPPED')
  })
})

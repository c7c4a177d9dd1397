import { expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { KINDS } from '../actors/kinds.ts'
import { memoryLiveSets } from '../src/audience/memory.ts'
import type { CheckpointStore } from '../src/checkpoint/index.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import { memoryDocuments } from '../src/documents/memory.ts'
import { RollcallError } from '../src/errors.ts'
import { LogInMemory } from '../src/log/memory.ts'
import { Processor } from '../src/partition/processor.ts'
import { MINUTE, NOON, OnePartition, tick } from './support/one-partition.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const rules = { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }

const beat = (key: string, at: number): Event => ({
  ...{ kind: 'heartbeat', key, id: '', at, arrival: at, path: '/', stream: null, country: 'TW', groups: [] },
})

/** A partition with 2,000 viewers in its checkpoint, and its next life over a store whose deadlines come one by one. */
class Lives {
  readonly time = new ManualTime(NOON)
  readonly faults = toldFaults()
  readonly #kept = memoryCheckpoints()
  readonly #documents = memoryDocuments({ time: this.time })
  readonly #logs = new LogInMemory({ partitions: 1, settings: {}, time: this.time })
  /** how many deadlines were read */
  read = 0
  /** what the reader of a deadline waits for, or fails with */
  reach: (read: number) => Promise<void> = async () => {}
  processor!: Processor

  async during<T>(work: Promise<T>): Promise<T> {
    let isDone = false
    const done = work.finally(() => {
      isDone = true
    })
    while (!isDone) await this.time.advance(10)
    return done
  }

  append(...events: Event[]): Promise<number> {
    return this.during(this.#logs.open().append(0, events))
  }

  async start(): Promise<void> {
    const kept = this.#kept
    const reach = () => this.reach(++this.read)
    const store: CheckpointStore = {
      ...kept,
      async *load(claim, keys) {
        for await (const record of kept.load(claim, keys)) {
          if (record.space === 'deadline') await reach()
          yield record
        }
      },
    }
    const { time, faults } = this
    this.processor = await this.during(
      Processor.claim(0, {
        ...{ owner: 'test', kinds: KINDS, rules, log: this.#logs.open(), store, partitions: 1, flushMs: 100 },
        ...{ time, faults, live: memoryLiveSets(time), documents: this.#documents },
        receiverOf: () => ({ perform: async () => ({ outcome: 'done' as const }) }),
      }),
    )
  }

  static async begin(): Promise<Lives> {
    const lives = new Lives()
    await lives.start()
    await lives.append(...Array.from({ length: 2_000 }, (_, i) => beat(`u${i}`, NOON)))
    await lives.time.advance(1_000)
    await lives.during(lives.processor.drain())
    lives.read = 0
    return lives
  }

  async state(key: string): Promise<unknown> {
    return (await this.processor.partition.view('viewer', key))?.value
  }

  get applied(): number {
    return this.processor.partition.applied
  }
}

test('a partition is open before its deadlines are there, and writes no tick until they are', async () => {
  const lives = await Lives.begin()
  const { promise, resolve } = Promise.withResolvers<void>()
  lives.reach = () => promise
  await lives.start()
  const before = await lives.append(beat('new', NOON + MINUTE))
  await lives.time.advance(10 * MINUTE)
  expect([lives.applied, lives.processor.replayUntil < before]).toEqual([before, true])
  resolve()
  await lives.time.advance(MINUTE)
  expect([lives.applied > before, await lives.state('u7'), await lives.state('new')]).toEqual([true, 'away', 'away'])
  await lives.during(lives.processor.drain())
})

test('a tick that is replayed fires what is due, though deadlines come slowly', async () => {
  const lives = await Lives.begin()
  const { promise, resolve } = Promise.withResolvers<void>()
  const seq = await lives.append(tick(NOON + 10 * MINUTE, lives.processor.partition.claim.epoch))
  lives.reach = () => promise
  await lives.start()
  await lives.time.advance(MINUTE)
  expect(lives.applied).toBeLessThan(seq)
  resolve()
  await lives.time.advance(MINUTE)
  expect(await lives.state('u1999')).toBe('away')
  await lives.during(lives.processor.drain())
})

test('a tick leaves alone who was heard again while deadlines came', async () => {
  const one = await OnePartition.claim()
  await one.apply(beat('a', NOON), beat('b', NOON))
  await one.restart()
  await one.apply(beat('a', NOON + 9 * MINUTE), tick(NOON + 10 * MINUTE))
  expect([(await one.view('viewer', 'a')).value, (await one.view('viewer', 'b')).value]).toEqual(['watching', 'away'])
})

test('deadlines are read on in vain no longer than their partition is drained', async () => {
  const lives = await Lives.begin()
  const { promise, resolve } = Promise.withResolvers<void>()
  lives.reach = async read => {
    await promise
    if (read === 700) lives.processor.drain()
  }
  await lives.start()
  resolve()
  await lives.time.advance(MINUTE)
  expect(lives.read).toBeLessThanOrEqual(701)
})

test('deadlines that the store does not give are asked for again', async () => {
  const lives = await Lives.begin()
  let failures = 3
  lives.reach = async read => {
    if (read % 100 === 0 && failures-- > 0) throw new RollcallError('RC_STORE_UNAVAILABLE')
  }
  await lives.start()
  await lives.time.advance(10 * MINUTE)
  expect([await lives.state('u1999'), failures < 0]).toEqual(['away', true])
  expect(lives.faults.all[0]).toMatchObject(['load', { code: 'RC_STORE_UNAVAILABLE' }])
  await lives.during(lives.processor.drain())
})

test('a deadline that is damaged stops its partition', async () => {
  const lives = await Lives.begin()
  lives.reach = async () => {
    throw new RollcallError('RC_CHECKPOINT_CORRUPT', 'record deadline/u7 is not as it was written')
  }
  await lives.start()
  await lives.time.advance(MINUTE)
  expect(lives.processor.stopped).toMatchObject({ code: 'RC_CHECKPOINT_CORRUPT' })
})

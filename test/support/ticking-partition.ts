import type { Event } from '../../actors/event.ts'
import { KINDS } from '../../actors/kinds.ts'
import { memoryLiveSets } from '../../src/audience/memory.ts'
import { memoryCheckpoints } from '../../src/checkpoint/memory.ts'
import { memoryDocuments } from '../../src/documents/memory.ts'
import type { Effect } from '../../src/effects/index.ts'
import { LogInMemory } from '../../src/log/memory.ts'
import { Processor } from '../../src/partition/processor.ts'
import { SteadyTime } from '../../src/time.ts'
import { ManualTime, toldFaults } from './time.ts'

const rules = { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }

/** A partition with its ticker, over stores in memory: feeds run, nothing else that it asks for does anything. */
export class TickingPartition {
  readonly machine: ManualTime
  /** of the process */
  readonly time: SteadyTime
  readonly faults = toldFaults()
  /** what was performed, and when by the machine's monotonic clock */
  readonly performed: { kind: string; effect: Effect; elapsed: number }[] = []
  readonly #log: LogInMemory
  #store = memoryCheckpoints()
  #processor!: Processor

  constructor(wall: number) {
    this.machine = new ManualTime(wall)
    this.time = new SteadyTime(this.machine)
    this.#log = new LogInMemory({ partitions: 1, settings: {}, time: this.machine })
  }

  async start(): Promise<this> {
    const { time, faults } = this
    this.#processor = await this.#during(
      Processor.claim(0, {
        ...{ owner: 'test', kinds: KINDS, rules, log: this.#log.open(), store: this.#store, time, faults },
        ...{ live: memoryLiveSets(time), documents: memoryDocuments({ time }), partitions: 1, flushMs: 100 },
        receiverOf: kind => ({ perform: async effect => this.#perform(kind, effect) }),
      }),
    )
    return this
  }

  #perform(kind: string, effect: Effect) {
    this.performed.push({ kind, effect, elapsed: this.machine.monotonic() })
    const { generation } = effect.payload
    const answer = { kind: 'feed.generated', generation, generatedAt: this.time.now(), items: 0 }
    return { outcome: 'done' as const, ...(kind === 'feed.generate' && { answer }) }
  }

  /** Lets time pass until the work is done. */
  async #during<T>(work: Promise<T>): Promise<T> {
    let isDone = false
    const done = work.finally(() => {
      isDone = true
    })
    while (!isDone) await this.machine.advance(10)
    return done
  }

  /** The checkpoint is gone, and the log is not. */
  loseCheckpoint(): void {
    this.#store = memoryCheckpoints()
  }

  append(...events: Event[]): Promise<number> {
    return this.#during(this.#log.open().append(0, events))
  }

  async state(kind: string, key: string): Promise<unknown> {
    return (await this.#processor.partition.view(kind, key))?.value
  }

  get partitionTime(): number {
    return this.#processor.partition.clock.time
  }

  /** Every tick in the log, by the time it tells. */
  async ticks(): Promise<number[]> {
    const log = this.#log.open()
    const { last } = await log.bounds(0)
    const ticks: number[] = []
    for await (const entries of log.read(0, 0)) {
      for (const { events } of entries) for (const { kind, at } of events) if (kind === 'tick') ticks.push(at)
      if (entries.at(-1)!.seq >= last) break
    }
    return ticks
  }

  async close(): Promise<void> {
    await this.#during(this.#processor.drain())
  }
}

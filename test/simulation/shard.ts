import { KINDS } from '../../actors/kinds.ts'
import type { Effect, Receiver } from '../../src/effects/index.ts'
import { isCode, RollcallError } from '../../src/errors.ts'
import { appender } from '../../src/log/append.ts'
import { recordedChannels, recordedOutputs } from '../../src/notify/recorded.ts'
import type { LocalOwner } from '../../src/ownership/local.ts'
import { receivers } from '../../src/receivers/table.ts'
import type { ShardControl } from '../../src/shard/index.ts'
import { own } from '../../src/shard/owned.ts'
import { SteadyTime, within } from '../../src/time.ts'
import type { Random } from '../support/random.ts'
import { type Clock, Life, timeOf } from './clock.ts'
import type { Coverage, Fate, Troubled } from './fate.ts'
import { push } from './furniture.ts'
import { PARTITIONS, type Places } from './places.ts'
import { reached } from './reached.ts'

/** The settings that results depend on: short, so that a history needs few minutes. Those of days may change. */
export const RULES = { gapMs: 20_000, lateMs: 180_000 }
export const DAY_RULES = { zone: 'UTC', inactivityMs: 60_000 }
export const SNAPSHOTS = ['viewer', 'visitor', 'streamer-session']
const FLUSH_MS = 200
const RESTART_MS = 100
const CALL_MS = 25_000
const GROUPS = [{ name: 'global', countries: [] }]

/** All that processes share. */
export interface Shared {
  clock: Clock
  places: Places
  random: Random
  coverage: Coverage
  troubled: Troubled
  /** whether another process may own the partitions; if not, there is no lease */
  isAlone: boolean
  /** the owner that a process reaches from elsewhere; null: nobody has the partitions */
  owner(): LocalOwner | null
  /** every effect as it was performed */
  performed(effect: Effect): void
  /** what went wrong inside and was dealt with, by step */
  fault(step: string, error: unknown): void
}

interface ShardParts {
  shared: Shared
  process: Life
  fate: Fate
  skew(): number
  partitions: number[]
  fenced(): void
  stopped(partition: number, error: { code: string; message: string }): void
}

/** A shard without a thread: what its supervisor promises, over the same partitions. */
export class SimulatedShard {
  readonly partitions: readonly number[]
  readonly #parts: ShardParts
  #life!: Life
  #control!: ShardControl
  #lost!: PromiseWithResolvers<never>
  #up = Promise.withResolvers<void>()
  #isClosing = false

  constructor(parts: ShardParts) {
    this.#parts = parts
    this.partitions = parts.partitions
    this.#start()
  }

  #start(): void {
    const { shared, process, fate, skew, partitions, fenced, stopped } = this.#parts
    const { clock, places } = shared
    const life = new Life(process)
    this.#life = life
    this.#lost = Promise.withResolvers<never>()
    this.#lost.promise.catch(() => {})
    const time = new SteadyTime(timeOf(clock, life, skew))
    const { log, checkpoints: store, documents, live } = reached(places, life, fate, time)
    const steps = fate.stepsOf(life)
    const receiverOf = receivers({
      ...{ documents, channels: recordedChannels(), push: push(), outputs: recordedOutputs() },
      host: { generateFeed: async () => ({ generatedAt: time.now(), items: 0 }), renewChannels: async () => {} },
      ...{ groups: GROUPS, append: appender(log, PARTITIONS), time, steps },
    })
    const { control } = own({
      ...{
        owner: time.id(),
        kinds: KINDS,
        rules: { ...RULES, ...places.rules.made },
        log,
        store,
        documents,
        time,
        owned: partitions,
      },
      ...{ live, partitions: PARTITIONS, snapshots: SNAPSHOTS, flushMs: FLUSH_MS, steps },
      receiverOf: kind => this.#reaching(life, receiverOf(kind)),
      faultsOf: partition => ({
        report(step, error) {
          if (life.isOver) return
          shared.fault(step, error)
          const { code, message } = error as { code?: string; message: string }
          if (code) stopped(partition, { code, message })
          if (isCode(error, 'RC_FENCED')) fenced()
        },
      }),
      faults: { report: shared.fault },
      giveUp: () => this.kill(),
    })
    this.#control = control
    this.#up.resolve()
  }

  #reaching(life: Life, receiver: Receiver): Receiver {
    const { shared, fate } = this.#parts
    return {
      ...receiver,
      perform: (effect, progress) =>
        fate.reach(life, 'service', () => {
          shared.performed(effect)
          return receiver.perform(effect, progress)
        }),
    }
  }

  kill(): void {
    if (this.#life.isOver || this.#isClosing) return
    this.#life.end()
    this.#up = Promise.withResolvers()
    this.#lost.reject(new RollcallError('RC_SHARD_LOST'))
    const { shared, process } = this.#parts
    shared.clock.after(RESTART_MS, () => process.run(() => this.#isClosing || this.#start()))
  }

  async ready(): Promise<void> {
    for (;;) {
      await this.#up.promise
      try {
        return await Promise.race([this.#control.claimed(), this.#lost.promise])
      } catch (error) {
        if (!isCode(error, 'RC_SHARD_LOST')) throw error
      }
    }
  }

  async call<T>(ask: (control: ShardControl) => Promise<T>, withinMs = CALL_MS): Promise<T> {
    const { shared, process } = this.#parts
    const time = timeOf(shared.clock, process, () => 0)
    const late = (): RollcallError => new RollcallError('RC_SHARD_TIMEOUT')
    await within(time, withinMs, this.#up.promise, late)
    return within(time, withinMs, Promise.race([ask(this.#control), this.#lost.promise]), late)
  }

  async close(): Promise<void> {
    if (this.#life.isOver) {
      this.#isClosing = true
      return
    }
    await Promise.race([this.#control.drain(), this.#lost.promise.catch(() => {})])
    this.#isClosing = true
    this.#life.end()
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { type ErrorCode, isCode, RollcallError } from '../errors.ts'
import type { Seq } from '../log/index.ts'
import type { Positions } from '../log/positions.ts'
import type { Owner, PartitionState } from './index.ts'

const WAIT_MS = 20_000
/** A frozen owner does not answer; another one may. */
const ATTEMPT_MS = 2_000
const RETRY_MS = 100
const LOOK_MS = 1_000

/** The owner, or its shard, comes back or another one does, and with it the position; only the time is bounded. */
const PASSING: ErrorCode[] = [
  ...(['RC_NO_OWNER', 'RC_FENCED', 'RC_CLOSING'] as const),
  ...(['RC_SHARD_LOST', 'RC_SHARD_TIMEOUT', 'RC_WAIT_TIMEOUT'] as const),
]
/** Of a log that does not fit its checkpoint, or may not: what is sent for the partition would be passed over later. */
const UNFIT: string[] = ['RC_LOG_BEHIND', 'RC_LOG_TRUNCATED', 'RC_NO_OWNER'] satisfies ErrorCode[]

/** The partitions as a bridge sees them: who owns them, which may change, and which of them take nothing. */
export class Partitions {
  readonly #count: number
  readonly #closing = Promise.withResolvers<never>()
  readonly #unfit = new Map<number, RollcallError>()
  readonly #applied: (partition: number, seq: Seq) => void
  #owner: Owner | null

  /** `owner` null: it is not known yet; `applied` hears how far the owner is */
  constructor(count: number, owner: Owner | null, applied: (partition: number, seq: Seq) => void = () => {}) {
    this.#count = count
    this.#owner = owner
    this.#applied = applied
    this.#closing.promise.catch(() => {})
  }

  get owner(): Owner {
    if (!this.#owner) throw new RollcallError('RC_NO_OWNER')
    return this.#owner
  }

  /** From here on all is asked of this one. */
  passTo(owner: Owner): void {
    this.#owner = owner
  }

  /** Whoever waits for a position is told RC_CLOSING, now and from here on. */
  stopWaiting(): void {
    this.#closing.reject(new RollcallError('RC_CLOSING'))
  }

  /** Resolves when the positions are applied, committed and projected; RC_WAIT_TIMEOUT after 20 s. */
  async settled(positions: Positions): Promise<void> {
    const settled = ([partition, seq]: [number, Seq]): Promise<void> =>
      this.insist((owner, withinMs) => owner.settled(partition, seq, withinMs))
    await Promise.all([...positions].map(settled))
  }

  /** Asks until an owner answers; RC_WAIT_TIMEOUT after 20 s. */
  insist<T>(ask: (owner: Owner, withinMs: number) => Promise<T>): Promise<T> {
    return Promise.race([this.#insist(ask), this.#closing.promise])
  }

  async #insist<T>(ask: (owner: Owner, withinMs: number) => Promise<T>): Promise<T> {
    const until = performance.now() + WAIT_MS
    for (;;) {
      const left = until - performance.now()
      if (left <= 0) throw new RollcallError('RC_WAIT_TIMEOUT')
      try {
        return await ask(this.owner, Math.min(left, ATTEMPT_MS))
      } catch (error) {
        if (!PASSING.some(code => isCode(error, code))) throw error
      }
      await sleep(RETRY_MS)
    }
  }

  /** Why the partition takes nothing; undefined if it does. */
  refusalOf(partition: number): RollcallError | undefined {
    return this.#unfit.get(partition)
  }

  /** Asks the owner about all of them; without an owner none goes on. */
  async states(): Promise<PartitionState[]> {
    try {
      const states = await this.owner.states()
      this.learn(states)
      return states
    } catch (error) {
      if (!(error instanceof RollcallError)) throw error
      const { code, message } = error
      return Array.from({ length: this.#count }, (_, partition) => ({ partition, stopped: { code, message } }))
    }
  }

  /** What is not known of a partition just now leaves it as it was. */
  learn(states: PartitionState[]): void {
    for (const { partition, stopped, applied } of states) {
      if (applied) this.#applied(partition, applied)
      if (!stopped) this.#unfit.delete(partition)
      else if (UNFIT.includes(stopped.code)) {
        this.#unfit.set(partition, new RollcallError(stopped.code as ErrorCode, stopped.message))
      }
    }
  }

  /** Learns every second, until it is closed. */
  watch(failed: (error: unknown) => void): { close(): void } {
    let isLooking = false
    const look = async (): Promise<void> => {
      if (isLooking) return
      isLooking = true
      await this.states().catch(failed)
      isLooking = false
    }
    const timer = setInterval(look, LOOK_MS).unref()
    return { close: () => clearInterval(timer) }
  }
}

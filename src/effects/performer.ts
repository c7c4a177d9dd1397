import type { Event } from '../../actors/event.ts'
import { splitId } from '../../actors/index.ts'
import { type ErrorCode, isCode, RollcallError } from '../errors.ts'
import type { Account, History } from './history.ts'
import type { Effect, Performed, Receiver } from './index.ts'
import { Lane } from './lane.ts'
import type { Outbox } from './outbox.ts'

export interface PerformerOptions {
  outbox: Outbox
  history: History
  receiverOf(kind: string): Receiver
  /** resolves when the partition's own log has it, however often that takes */
  append(event: Event): Promise<unknown>
  done(effect: Effect): void
  failed(step: string, error: unknown): void
  now(): number
  sleep(ms: number): Promise<void>
}

/** So often an effect is tried before it is parked, over two minutes. */
const ATTEMPTS = 10
const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 60_000
/** However long a service says to wait. */
const LONGEST_WAIT_MS = 600_000
/** Nobody answered: that says nothing about the effect. */
const UNREACHABLE: ErrorCode[] = ['RC_SERVICE_UNREACHABLE', 'RC_STORE_UNAVAILABLE', 'RC_LOG_UNAVAILABLE']
/** Who gives no answer is asked again so often at least. */
const UNREACHABLE_RETRY_MS = 30_000
/** Of effects that lose their worth no more wait than this, per kind. */
const MOST_WAITING = 10_000

/** Performs the effects of one partition, a lane for each kind, each effect again until it is done or parked. */
export class Performer {
  readonly #options: PerformerOptions
  readonly #lanes = new Map<string, Lane>()
  readonly #underWay = new Set<Promise<void>>()
  /** of effects in a lane */
  readonly #known = new Set<string>()
  #open = false
  #stopped = false

  constructor(options: PerformerOptions) {
    this.#options = options
  }

  add(effects: Effect[]): void {
    for (const effect of effects) {
      // One that was given up and is tried again while the log is replayed comes twice.
      if (this.#known.has(effect.id)) continue
      this.#known.add(effect.id)
      const lane = this.#laneOf(effect.kind)
      lane.add(effect)
      const { expiresMs } = this.#options.receiverOf(effect.kind)
      const oldest = expiresMs !== undefined && lane.size > MOST_WAITING && lane.takeOldest()
      if (!oldest) continue
      this.#known.delete(oldest.id)
      this.#track(this.#settle(oldest, 'expired', { waiting: MOST_WAITING }))
    }
    this.#run()
  }

  /** From here on effects go out: the log has been replayed to its end. */
  open(): void {
    if (this.#open) return
    this.#open = true
    this.#run()
  }

  /** Begins nothing any more; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  #laneOf(kind: string): Lane {
    let lane = this.#lanes.get(kind)
    if (!lane) {
      lane = new Lane(effect => {
        const done = (): void => void this.#known.delete(effect.id)
        return this.#track(this.#perform(effect).finally(done))
      })
      this.#lanes.set(kind, lane)
    }
    return lane
  }

  #run(): void {
    if (this.#open && !this.#stopped) for (const lane of this.#lanes.values()) lane.run()
  }

  #track(work: Promise<void>): Promise<void> {
    const tracked = work.catch(error => this.#options.failed('effects', error))
    this.#underWay.add(tracked)
    tracked.finally(() => this.#underWay.delete(tracked))
    return tracked
  }

  async #perform(effect: Effect): Promise<void> {
    const { outbox, receiverOf, failed, now, sleep } = this.#options
    const receiver = receiverOf(effect.kind)
    const progress = { cursor: '', through: new Set<string>(), again: new Set<string>(), counts: {} }
    const expiresAt = effect.at + (receiver.expiresMs ?? Number.POSITIVE_INFINITY)
    let [attempts, wait] = [0, FIRST_RETRY_MS]
    while (!this.#stopped && outbox.isWaiting(effect.id)) {
      if (now() > expiresAt) return this.#settle(effect, 'expired')
      try {
        const performed = await receiver.perform(effect, progress)
        // What follows of the actor need not wait until this is written down.
        this.#track(this.#finish(effect, performed))
        return
      } catch (error) {
        failed(effect.kind, error)
        const isUnreachable = UNREACHABLE.some(code => isCode(error, code))
        if (!isUnreachable) attempts++
        if (attempts === ATTEMPTS || isCode(error, 'RC_SERVICE_REFUSED')) return this.#giveUp(effect, error as Error)
        outbox.tried(effect.id, attempts, (error as Error).message)
        const asked = error instanceof RollcallError ? error.retryAfterMs : 0
        await sleep(Math.min(Math.max(wait, asked), LONGEST_WAIT_MS, Math.max(0, expiresAt - now()) + 1))
        wait = Math.min(2 * wait, isUnreachable ? UNREACHABLE_RETRY_MS : LAST_RETRY_MS)
      }
    }
  }

  async #finish(effect: Effect, { outcome, detail, answer }: Performed): Promise<void> {
    await this.#settle(effect, outcome, detail, answer !== undefined)
    // The effect leaves the outbox when its answer is applied, so that it counts once.
    if (answer) await this.#tell(effect, answer)
  }

  async #settle(
    effect: Effect,
    state: Account['state'],
    detail?: Account['detail'],
    isAnswered = false,
  ): Promise<void> {
    const { history, now, done } = this.#options
    await history.write({ ...effect, state, doneAt: now(), ...(detail && { detail }) })
    if (!isAnswered) done(effect)
  }

  async #giveUp(effect: Effect, error: Error & { code?: unknown }): Promise<void> {
    const { message, code = 'RC_INTERNAL' } = error
    await this.#tell(effect, { kind: 'effect.failed', error: message, code, asked: effect.payload })
  }

  async #tell(effect: Effect, facts: { kind: string; [fact: string]: unknown }): Promise<void> {
    const { append, now } = this.#options
    const at = now()
    await append({ ...facts, key: splitId(effect.actor).key, id: effect.id, at, arrival: at, effect: effect.id })
  }
}

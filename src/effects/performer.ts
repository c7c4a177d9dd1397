import type { Event } from '../../actors/event.ts'
import { splitId } from '../../actors/index.ts'
import { type ErrorCode, isCode, RollcallError } from '../errors.ts'
import type { Faults } from '../observe/index.ts'
import type { Meter } from '../observe/meter.ts'
import { type Steps, step } from '../observe/steps.ts'
import { inItsSpan, traceIn } from '../observe/traces.ts'
import { type Policy, retry } from '../retry.ts'
import type { Time } from '../time.ts'
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
  meter: Meter
  time: Time
  faults: Faults
  steps?: Steps | undefined
}

/** The pauses of an effect's attempts. */
const ATTEMPTS: Policy = { pauses: [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000] }
/** An effect is parked after so many attempts that were answered, over two minutes. */
const MOST_ANSWERED = 10
/** A service that says how long to wait is not heeded any longer. */
const LONGEST_WAIT_MS = 600_000
/** Errors by which nobody answered: they say nothing about the effect. */
const UNREACHABLE: ErrorCode[] = ['RC_SERVICE_UNREACHABLE', 'RC_STORE_UNAVAILABLE', 'RC_LOG_UNAVAILABLE']
/** A service that gives no answer is asked again so often at least. */
const UNREACHABLE_RETRY_MS = 30_000
/** Effects that lose their worth: no more of one kind wait than this. */
const MOST_WAITING = 10_000

const isUnreachable = (error: unknown): boolean => UNREACHABLE.some(code => isCode(error, code))

/** Performs the effects of one partition, a lane for each kind, each effect again until it is done or parked. */
export class Performer {
  readonly #options: PerformerOptions
  readonly #steps: Steps | undefined
  readonly #lanes = new Map<string, Lane>()
  readonly #underWay = new Set<Promise<void>>()
  /** of effects in a lane */
  readonly #known = new Set<string>()
  #open = false
  readonly #stopped = new AbortController()

  constructor(options: PerformerOptions) {
    this.#options = options
    this.#steps = options.steps
  }

  add(effects: Effect[]): void {
    for (const effect of effects) {
      // An effect comes twice when it is in the checkpoint and the log, which is replayed, holds its retry.
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
    this.#stopped.abort()
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
    if (this.#open && !this.#stopped.signal.aborted) for (const lane of this.#lanes.values()) lane.run()
  }

  #track(work: Promise<void>): Promise<void> {
    const tracked = work.catch(error => this.#options.faults.report('effects', error))
    this.#underWay.add(tracked)
    tracked.finally(() => this.#underWay.delete(tracked))
    return tracked
  }

  async #perform(effect: Effect): Promise<void> {
    const performed = await this.#untilPerformed(effect).catch((error: Error) => this.#giveUp(effect, error))
    if (performed === 'expired') await this.#settle(effect, 'expired')
    // The actor's next effect need not wait until this is written down.
    else if (performed) this.#track(this.#finish(effect, performed))
  }

  /** Rejects when it is tried no more; undefined: it is no longer to be performed, or not here. */
  #untilPerformed(effect: Effect): Promise<Performed | 'expired' | undefined> {
    const { outbox, receiverOf, meter, time, faults } = this.#options
    const { signal } = this.#stopped
    const receiver = receiverOf(effect.kind)
    const progress = { cursor: '', through: new Map(), again: new Set<string>(), doubted: new Map(), counts: {} }
    const expiresAt = effect.at + (receiver.expiresMs ?? Number.POSITIVE_INFINITY)
    let [attempts, answered] = [0, 0]
    let failure: unknown
    const attempt = async (): Promise<Performed | 'expired' | undefined> => {
      if (signal.aborted || !outbox.isWaiting(effect.id)) return undefined
      if (time.now() > expiresAt) return 'expired'
      const about = { 'rollcall.effect': effect.id, 'rollcall.kind': effect.kind, 'rollcall.attempt': ++attempts }
      return step(this.#steps, 'effect', effect, () =>
        inItsSpan('effect', effect, about, on => receiver.perform({ ...effect, ...on }, progress)),
      )
    }
    return retry(attempt, ATTEMPTS, {
      time,
      isFinal(error) {
        if (!isUnreachable(error)) answered++
        return answered === MOST_ANSWERED || isCode(error, 'RC_SERVICE_REFUSED')
      },
      failed(error) {
        faults.report(effect.kind, error)
        meter.count('rollcall_effect_failures_total', { kind: effect.kind }).n++
        outbox.tried(effect.id, answered, (error as Error).message)
        failure = error
      },
      pause(ms) {
        const wait = isUnreachable(failure) ? Math.min(ms, UNREACHABLE_RETRY_MS) : ms
        const asked = failure instanceof RollcallError ? failure.retryAfterMs : 0
        return time.sleep(
          Math.min(Math.max(wait, asked), LONGEST_WAIT_MS, Math.max(0, expiresAt - time.now()) + 1),
          signal,
        )
      },
    })
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
    const { history, time, done } = this.#options
    const account = { ...effect, state, doneAt: time.now(), ...(detail && { detail }) }
    await step(this.#steps, 'account', effect, () => history.write(account))
    this.#count(effect, state)
    if (!isAnswered) await step(this.#steps, 'mark', effect, async () => done(effect))
  }

  #count({ kind }: Effect, result: string): void {
    this.#options.meter.count('rollcall_effects_total', { kind, result }).n++
  }

  async #giveUp(effect: Effect, error: Error & { code?: unknown }): Promise<undefined> {
    this.#options.faults.report(effect.kind, error)
    this.#count(effect, 'parked')
    const { message, code = 'RC_INTERNAL' } = error
    await this.#tell(effect, { kind: 'effect.failed', error: message, code, asked: effect.payload })
  }

  async #tell(effect: Effect, facts: { kind: string; [fact: string]: unknown }): Promise<void> {
    const { append, time } = this.#options
    const at = time.now()
    const { id, actor, traceparent } = effect
    const answer = { ...facts, key: splitId(actor).key, id, at, arrival: at, effect: id, ...traceIn(traceparent) }
    await step(this.#steps, 'answer', effect, () => append(answer))
  }
}

import type { Event } from '../../actors/event.ts'
import { actorId } from '../../actors/index.ts'
import { KINDS } from '../../actors/kinds.ts'
import { type ErrorCode, isCode, RollcallError } from '../errors.ts'
import type { Seq } from '../log/index.ts'
import type { Positions } from '../log/positions.ts'
import type { Faults } from '../observe/index.ts'
import { retry } from '../retry.ts'
import type { Time } from '../time.ts'
import type { Owner, PartitionState } from './index.ts'
import type { Links } from './link.ts'

const WAIT_MS = 20_000
/** A frozen owner does not answer; another one may. */
const ATTEMPT_MS = 2_000
const ASKING = { pauses: [100], patienceMs: WAIT_MS }
const LOOK_MS = 1_000

/** The owner, or its shard, comes back or another one does, and with it the position; only the time is bounded. */
const PASSING: ErrorCode[] = [
  ...(['RC_NO_OWNER', 'RC_FENCED', 'RC_CLOSING'] as const),
  ...(['RC_SHARD_LOST', 'RC_SHARD_TIMEOUT', 'RC_WAIT_TIMEOUT'] as const),
]
/** The log does not fit its checkpoint, or may not: what is sent for the partition would be passed over later. */
const UNFIT: string[] = ['RC_LOG_BEHIND', 'RC_LOG_TRUNCATED', 'RC_NO_OWNER'] satisfies ErrorCode[]

const TAKERS = new Map(KINDS.flatMap(({ kind, takes }) => takes.map((taken): [string, string] => [taken, kind])))

export interface OwnerDirectoryOptions {
  partitions: number
  /** null: it is not known yet */
  owner: Owner | null
  /** hears how far the owner is */
  applied(partition: number, seq: Seq): void
  /** hears what time it is for the owner, which counts for more than this process's clock */
  heed(now: number): void
  time: Time
  faults: Faults
}

/** The partitions as a bridge sees them: who owns them, which may change, and which of them take nothing. */
export class OwnerDirectory {
  readonly #options: OwnerDirectoryOptions
  readonly #closing = Promise.withResolvers<never>()
  readonly #unfit = new Map<number, RollcallError>()
  /** actors that take nothing more, by partition */
  readonly #full = new Map<number, ReadonlySet<string>>()
  #owner: Owner | null
  #isClosing = false

  constructor(options: OwnerDirectoryOptions) {
    this.#options = options
    this.#owner = options.owner
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

  /** Tells RC_CLOSING to all who wait for a position, now and from here on. */
  stopWaiting(): void {
    this.#isClosing = true
    this.#closing.reject(new RollcallError('RC_CLOSING'))
  }

  /** Resolves when the positions are applied, committed and projected; RC_WAIT_TIMEOUT after 20 s. */
  async settled(positions: Positions): Promise<void> {
    const settled = ([partition, seq]: [number, Seq]): Promise<void> =>
      this.ask((owner, withinMs) => owner.settled(partition, seq, withinMs))
    await Promise.all([...positions].map(settled))
  }

  /** Asks until an owner answers; RC_WAIT_TIMEOUT after 20 s. */
  ask<T>(question: (owner: Owner, withinMs: number) => Promise<T>): Promise<T> {
    return Promise.race([this.#ask(question), this.#closing.promise])
  }

  async #ask<T>(question: (owner: Owner, withinMs: number) => Promise<T>): Promise<T> {
    const { time } = this.#options
    const until = time.monotonic() + WAIT_MS
    const once = async (): Promise<T> =>
      question(this.owner, Math.max(0, Math.min(until - time.monotonic(), ATTEMPT_MS)))
    try {
      return await retry(once, ASKING, { time, isFinal: error => this.#isClosing || !isPassing(error) })
    } catch (error) {
      throw isPassing(error) ? new RollcallError('RC_WAIT_TIMEOUT') : error
    }
  }

  /** Why the partition does not take the events; undefined if it does. */
  refusalOf(partition: number, events: readonly Event[]): RollcallError | undefined {
    return this.#unfit.get(partition) ?? this.#parkedOf(partition, events)
  }

  #parkedOf(partition: number, events: readonly Event[]): RollcallError | undefined {
    const full = this.#full.get(partition)
    if (!full) return undefined
    const actors = events.flatMap(({ kind, key }) => (TAKERS.has(kind) ? [actorId(TAKERS.get(kind)!, key)] : []))
    const parked = actors.find(actor => full.has(actor))
    if (parked === undefined) return undefined
    return new RollcallError('RC_ACTOR_PARKED', `${parked} cannot take events just now; /parked says why.`)
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
      return Array.from({ length: this.#options.partitions }, (_, partition) => ({
        partition,
        stopped: { code, message },
      }))
    }
  }

  /** A state that says nothing of the log leaves the partition as it was. */
  learn(states: PartitionState[]): void {
    const now = states.find(state => Number.isFinite(state.now))?.now
    if (now !== undefined) this.#options.heed(now)
    for (const { partition, stopped, applied, full } of states) {
      if (applied) this.#options.applied(partition, applied)
      if (full?.length === 0) this.#full.delete(partition)
      else if (full) this.#full.set(partition, new Set(full))
      if (!stopped) this.#unfit.delete(partition)
      else if (UNFIT.includes(stopped.code)) {
        this.#unfit.set(partition, new RollcallError(stopped.code as ErrorCode, stopped.message))
      }
    }
  }

  /** Learns every second, until it is closed. */
  watch(): { close(): void } {
    const { time, faults } = this.#options
    let isLooking = false
    const look = async (): Promise<void> => {
      if (isLooking) return
      isLooking = true
      await this.states().catch(error => faults.report('look at the owner', error))
      isLooking = false
    }
    return { close: time.every(LOOK_MS, look) }
  }
}

/** The directory of a bridge, which asks over the link until it owns the partitions itself. */
export async function openDirectory(
  { ownerLink }: Pick<Links, 'ownerLink'>,
  options: Omit<OwnerDirectoryOptions, 'owner'>,
): Promise<OwnerDirectory> {
  const owner = ownerLink && (await import('./remote.ts')).remoteOwner(ownerLink)
  return new OwnerDirectory({ ...options, owner })
}

const isPassing = (error: unknown): boolean => PASSING.some(code => isCode(error, code))

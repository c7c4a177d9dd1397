import type { Event } from '../../actors/event.ts'
import { actorId } from '../../actors/index.ts'
import { KINDS } from '../../actors/kinds.ts'
import { type ErrorCode, RollcallError } from '../errors.ts'
import type { Seq } from '../log/index.ts'
import type { Positions } from '../log/positions.ts'
import type { KnownHolder } from '../observe/holder.ts'
import type { Faults } from '../observe/index.ts'
import { retry } from '../retry.ts'
import type { OwnLog } from '../stores.ts'
import type { Cancel, Time } from '../time.ts'
import { carriedOn, lagBehind, type Owner, type PartitionState } from './index.ts'
import type { Links } from './link.ts'
import { isPassing } from './passing.ts'
import { WAIT_MS, Waits } from './waits.ts'

/** A frozen owner does not answer; another one may. */
const [ATTEMPT_MS, ASKING] = [2_000, { pauses: [100] }]
/** How often the owner is looked at, and while some partitions do not go on. */
const [LOOK_MS, LOOK_SOON_MS] = [1_000, 250]

/** The log does not fit its checkpoint, or may not: what is sent for the partition would be passed over later. */
const UNFIT: string[] = ['RC_LOG_BEHIND', 'RC_LOG_TRUNCATED', 'RC_NO_OWNER'] satisfies ErrorCode[]

const TAKERS = new Map(KINDS.flatMap(({ kind, takes }) => takes.map((taken): [string, string] => [taken, kind])))

export interface OwnerDirectoryOptions {
  partitions: number
  /** the owner as it is asked from here while another process may be it; null: there is no other process */
  others: Owner | null
  log: Pick<OwnLog, 'bounds' | 'failing'>
  /** The last entry of a partition that this process knows of. */
  known(partition: number): Seq
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
  readonly #ending = new AbortController()
  readonly #unfit = new Map<number, RollcallError>()
  /** actors that take nothing more, by partition */
  readonly #full = new Map<number, ReadonlySet<string>>()
  readonly #waits: Waits
  /** by partition: a position that is readable, and all before it */
  readonly #readable = new Map<number, Seq>()
  #states: PartitionState[]
  #owner: Owner | null
  #holder: KnownHolder | null = null
  #ends: readonly Seq[] = []
  #isOwn = false
  #isClosing = false

  constructor(options: OwnerDirectoryOptions) {
    this.#options = options
    this.#owner = options.others
    this.#states = this.#allStopped(new RollcallError('RC_NO_OWNER'))
    this.#waits = new Waits(options.time)
    this.#closing.promise.catch(() => {})
  }

  get owner(): Owner {
    if (!this.#owner) throw new RollcallError('RC_NO_OWNER')
    return this.#owner
  }

  /** From here on all is asked of this one, which is of this process and has its time; null: of other processes. */
  passTo(owner: Owner | null): void {
    this.#owner = owner ?? this.#options.others
    this.#isOwn = owner !== null
    if (!owner) this.heldBy(null)
  }

  /** Hears which process owns the partitions; null: none. */
  heldBy(holder: KnownHolder | null): void {
    this.#holder = holder
  }

  /** The process that owns the partitions, or did last, as far as is known. */
  get holder(): KnownHolder | null {
    return this.#holder
  }

  /** The ends of the log that the last look knew of, by partition. */
  get ends(): readonly Seq[] {
    return this.#ends
  }

  /** Entries that the last look knew of and no commit had; null if it was not told. */
  get lag(): number | null {
    return lagBehind(this.#ends, this.#states)
  }

  /** Aborted when the process takes no more requests: what is still told ends. */
  get ending(): AbortSignal {
    return this.#ending.signal
  }

  /** Tells RC_CLOSING to all who wait for a position, now and from here on. */
  stopWaiting(): void {
    this.#isClosing = true
    this.#ending.abort()
    this.#closing.reject(new RollcallError('RC_CLOSING'))
  }

  /**
   * Does work that waits, on behalf of a user, or of a service: null. RC_OVERLOADED where too many wait already,
   * RC_WAIT_TIMEOUT after 20 s.
   */
  waiting<T>(userId: string | null, work: () => Promise<T>): Promise<T> {
    return this.#waits.hold(userId, work)
  }

  /** Throws RC_INVALID_POSITION for one beyond the end of the log, which another bridge may just have moved. */
  async mustBeGiven(positions: Positions): Promise<void> {
    const given = async ([partition, seq]: [number, Seq]): Promise<void> => {
      if (this.#isReadable(partition, seq)) return
      if (seq > (await this.#options.log.bounds(partition)).last) throw new RollcallError('RC_INVALID_POSITION')
    }
    await Promise.all([...positions].map(given))
  }

  /** Resolves when the positions are applied, committed and projected; RC_WAIT_TIMEOUT after 20 s. */
  async settled(positions: Positions): Promise<void> {
    await Promise.all([...positions].map(([partition, seq]) => this.#settled(partition, seq)))
  }

  async #settled(partition: number, seq: Seq): Promise<void> {
    if (this.#isReadable(partition, seq)) return
    const wait = this.#waits.join(`${partition}-${seq}`, until =>
      this.#ask((owner, withinMs) => owner.settled(partition, seq, withinMs), until),
    )
    await Promise.race([wait, this.#closing.promise])
    if (!this.#isReadable(partition, seq)) this.#readable.set(partition, seq)
    this.#options.applied(partition, seq)
  }

  #isReadable(partition: number, seq: Seq): boolean {
    return seq <= (this.#readable.get(partition) ?? 0)
  }

  /** Asks until an owner answers; RC_WAIT_TIMEOUT after 20 s. */
  ask<T>(question: (owner: Owner, withinMs: number) => Promise<T>): Promise<T> {
    const until = this.#options.time.monotonic() + WAIT_MS
    return Promise.race([this.#ask(question, () => until), this.#closing.promise])
  }

  async #ask<T>(question: (owner: Owner, withinMs: number) => Promise<T>, until: () => number): Promise<T> {
    const { time } = this.#options
    const left = (): number => until() - time.monotonic()
    const once = async (): Promise<T> => question(this.owner, Math.max(0, Math.min(left(), ATTEMPT_MS)))
    const isFinal = (error: unknown): boolean => this.#isClosing || !isPassing(error) || left() <= 0
    try {
      return await retry(once, ASKING, { time, isFinal })
    } catch (error) {
      throw isPassing(error) ? new RollcallError('RC_WAIT_TIMEOUT') : error
    }
  }

  /** Why the partition does not take the events; undefined if it does. */
  refusalOf(partition: number, events: Iterable<Event>): RollcallError | undefined {
    return this.#unfit.get(partition) ?? this.#parkedOf(partition, events)
  }

  #parkedOf(partition: number, events: Iterable<Event>): RollcallError | undefined {
    const full = this.#full.get(partition)
    if (!full) return undefined
    const actors = [...events].flatMap(({ kind, key }) => (TAKERS.has(kind) ? [actorId(TAKERS.get(kind)!, key)] : []))
    const parked = actors.find(actor => full.has(actor))
    if (parked === undefined) return undefined
    return new RollcallError('RC_ACTOR_PARKED', `${parked} cannot take events just now; /parked says why.`)
  }

  /** Whether it is this process that owns them. */
  get isOwn(): boolean {
    return this.#isOwn
  }

  /** Requests that wait. */
  get waits(): number {
    return this.#waits.size
  }

  /** Why nothing is taken at all just now; null if it is. */
  get failing(): RollcallError | null {
    return this.#options.log.failing()
  }

  /** Whether they go on, as of the last look. */
  get states(): readonly PartitionState[] {
    return this.#states
  }

  /** Asks the owner about all of them; without an owner none goes on. */
  async look(): Promise<void> {
    const ends = Array.from({ length: this.#options.partitions }, (_, partition) => this.#options.known(partition))
    try {
      this.#states = carriedOn(this.#states, await this.owner.states())
      this.#ends = ends
      this.learn(this.#states)
    } catch (error) {
      if (!(error instanceof RollcallError)) throw error
      this.#states = carriedOn(this.#states, this.#allStopped(error))
    }
  }

  #allStopped({ code, message }: RollcallError): PartitionState[] {
    const stopped = { code, message }
    return Array.from({ length: this.#options.partitions }, (_, partition) => ({ partition, stopped }))
  }

  /** A state that says nothing of the log leaves what the partition takes as it was. */
  learn(states: readonly PartitionState[]): void {
    const now = states.find(state => Number.isFinite(state.now))?.now
    if (now !== undefined && !this.#isOwn) this.#options.heed(now)
    for (const { partition, stopped, applied, replayUntil, full } of states) {
      if (applied) this.#options.applied(partition, applied)
      if (full?.length === 0) this.#full.delete(partition)
      else if (full) this.#full.set(partition, new Set(full))
      // A replay has begun only where the log fits.
      if (!stopped || (stopped.code === 'RC_NOT_READY' && replayUntil)) this.#unfit.delete(partition)
      else if (UNFIT.includes(stopped.code)) {
        this.#unfit.set(partition, new RollcallError(stopped.code as ErrorCode, stopped.message))
      }
    }
  }

  /** Looks now and every second, more often while some do not go on, until it is closed. */
  watch(): { close(): void } {
    const { time, faults } = this.#options
    let [isClosed, cancel]: [boolean, Cancel] = [false, () => {}]
    const look = async (): Promise<void> => {
      await this.look().catch(error => faults.report('look at the owner', error))
      if (isClosed) return
      cancel = time.after(this.#states.some(({ stopped }) => stopped) ? LOOK_SOON_MS : LOOK_MS, look)
    }
    look()
    return {
      close() {
        isClosed = true
        cancel()
      },
    }
  }
}

/** The directory of a bridge, which asks over the link until it owns the partitions itself. */
export async function openDirectory(
  { ownerLink }: Pick<Links, 'ownerLink'>,
  options: Omit<OwnerDirectoryOptions, 'others'>,
): Promise<OwnerDirectory> {
  const others = ownerLink && (await import('./remote.ts')).remoteOwner(ownerLink)
  return new OwnerDirectory({ ...options, others })
}

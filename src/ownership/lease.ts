import type { Collection, Db } from 'mongodb'
import { isCode, RollcallError } from '../errors.ts'
import { duplicates, repeated } from '../mongodb/outcome.ts'
import { type Holder, holderIn, type KnownHolder, thisHolder, UNTOLD } from '../observe/holder.ts'
import type { Faults } from '../observe/index.ts'
import { type Steps, step } from '../observe/steps.ts'
import { systemTime, type Time } from '../time.ts'

/** The owner of all partitions. Its counter stands still when the process is gone, frozen or cut off. */
interface Owner {
  _id: 'owner'
  owner: string
  epoch: number
  renewed: number
  released: boolean
  /** who `of` is; a process of a former version leaves those of an owner before it as they are */
  holder?: Holder & { of: string }
}

/** The lease as its owner has it. */
type Held = Owner & Required<Pick<Owner, 'holder'>>

export interface LeaseOptions {
  /** An owner that was not renewed for so long is gone; all processes must have the same. */
  goneMs: number
  time: Time
  faults: Faults
  /** another process owns the partitions, or did; said once */
  waiting(owner: KnownHolder): void
  /** at each look: who owns the partitions; null: nobody, or it gave them back */
  seen?(owner: KnownHolder | null): void
  /** it has renewed its right since; what this throws ends the waiting */
  lives?(owner: KnownHolder): void
  steps?: Steps | undefined
}

/** Parts of the time after which an owner is gone: how often it is looked at, and renewed. */
const [LOOK, RENEW] = [0.1, 0.2]
const PATIENCE_MS = 2_000

/**
 * The right of one process to own all partitions, while others stand by. The lease only says who tries; a former owner
 * is kept from writing by the epoch of each partition.
 */
export class Lease {
  readonly #owners: Collection<Owner>
  /** this process, as it has them */
  readonly holder: Holder
  readonly #held: Held
  readonly #options: LeaseOptions
  readonly #lost = Promise.withResolvers<never>()
  readonly #released = new AbortController()

  private constructor(owners: Collection<Owner>, held: Held, options: LeaseOptions) {
    const { of: _, ...holder } = held.holder
    this.holder = holder
    this.#owners = owners
    this.#held = held
    this.#options = options
    this.#lost.promise.catch(() => {})
    this.#renew().catch(error => this.#lost.reject(error))
  }

  /**
   * Resolves when the process is the owner: at once where nobody is, else when the owner released it or is gone. Rejects
   * with RC_CLOSING at the signal.
   */
  static async acquire(db: Db, owner: string, signal: AbortSignal, options: LeaseOptions): Promise<Lease> {
    const owners = db.collection<Owner>('owners')
    const { goneMs, time, faults, waiting, seen: told, lives, steps } = options
    let isAway = false
    let seen = null as Owner | null
    let isSaid = false
    let renewals = 0
    let since = time.monotonic()
    while (!signal.aborted) {
      try {
        const current = await found(owners, time, steps)
        const isNew = seen?.epoch !== current?.epoch || seen?.renewed !== current?.renewed
        if (isNew) since = time.monotonic()
        const by = holderOf(current)
        told?.(by)
        if (by) {
          if (!isSaid) waiting(by)
          // A single renewal is no sign of life: the owner may have sent it just before it was killed.
          if (isSaid && isNew && ++renewals > 1) lives?.(by)
          isSaid = true
        }
        const mayTake = current === null || current.released || time.monotonic() - since >= goneMs
        const held = mayTake ? await take(owners, current, { owner, time, steps }) : null
        if (held) return new Lease(owners, held, options)
        seen = current
        isAway = false
      } catch (error) {
        // While MongoDB gives no answer nobody can see whether the owner lives: its time begins anew.
        if (!isCode(error, 'RC_STORE_UNAVAILABLE')) throw error
        since = time.monotonic()
        if (!isAway) faults.report('look at the lease', error)
        isAway = true
      }
      await time.sleep(goneMs * LOOK, signal)
    }
    throw new RollcallError('RC_CLOSING')
  }

  /** Rejects when another process is the owner. */
  get lost(): Promise<never> {
    return this.#lost.promise
  }

  async #renew(): Promise<void> {
    const { goneMs, time, faults, steps } = this.#options
    const { epoch } = this.#held
    const { signal } = this.#released
    for (;;) {
      await time.sleep(goneMs * RENEW, signal)
      if (signal.aborted) return
      try {
        // A renewal that gets no answer leaves time for the next.
        const inTime = { timeoutMS: goneMs * RENEW }
        const { matchedCount } = await step(steps, 'lease.renew', epoch, () =>
          this.#owners.updateOne({ _id: 'owner', epoch }, { $inc: { renewed: 1 } }, inTime),
        )
        if (matchedCount === 0) throw new RollcallError('RC_FENCED')
      } catch (error) {
        // A renewal that was under way at the end is of no use, and its connection may be gone by now.
        if (signal.aborted) return
        if (error instanceof RollcallError) throw error
        // While MongoDB is away nobody else can become the owner either, and if somebody did, nothing of ours is taken.
        faults.report('renewal of the lease', error)
      }
    }
  }

  /** Others need not wait. */
  async release(): Promise<void> {
    this.#released.abort()
    const { epoch } = this.#held
    const { time, steps } = this.#options
    const release = () => this.#owners.updateOne({ _id: 'owner', epoch }, { $set: { released: true } })
    await step(steps, 'lease.release', epoch, () => repeated(release, PATIENCE_MS, time))
  }
}

const found = (owners: Collection<Owner>, time: Time, steps?: Steps): Promise<Owner | null> =>
  step(steps, 'lease.look', null, () => repeated(() => owners.findOne({ _id: 'owner' }), PATIENCE_MS, time))

/** Null if somebody was quicker. An answer that was lost looks like that; the lease is then waited for, and taken. */
async function take(
  owners: Collection<Owner>,
  current: Owner | null,
  { owner, time, steps }: { owner: string } & Pick<LeaseOptions, 'time' | 'steps'>,
): Promise<Held | null> {
  const holder = { of: owner, ...thisHolder(time.now()) }
  if (current === null) {
    const made: Held = { _id: 'owner', owner, epoch: 1, renewed: 0, released: false, holder }
    try {
      await step(steps, 'lease.make', made, () => owners.insertOne(made))
      return made
    } catch (error) {
      if (duplicates(error)) return null
      throw error
    }
  }
  const { epoch, renewed } = current
  const change = { $set: { owner, released: false, renewed: 0, holder }, $inc: { epoch: 1 } }
  const taking = () => owners.updateOne({ _id: 'owner', epoch, renewed }, change)
  const { matchedCount } = await step(steps, 'lease.take', epoch, () => repeated(taking, PATIENCE_MS, time))
  return matchedCount === 0 ? null : { ...current, owner, epoch: epoch + 1, renewed: 0, released: false, holder }
}

/** The process that was the last to own the partitions and did not give them back, alive or not; null if none is. */
export async function ownerIn(db: Db, steps?: Steps): Promise<KnownHolder | null> {
  return holderOf(await found(db.collection<Owner>('owners'), systemTime, steps))
}

function holderOf(current: Owner | null): KnownHolder | null {
  if (!current || current.released) return null
  const { owner, holder } = current
  return (holder?.of === owner && holderIn(holder)) || UNTOLD
}

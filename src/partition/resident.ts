import type { AnyMachineSnapshot } from 'xstate'
import { type ActorKind, actorId } from '../../actors/index.ts'
import { hold, type PackedViewer, type Share, streamsIn } from '../../machines/packed-viewer.ts'
import type { Stay } from '../../machines/pulse.ts'
import type { Presences } from '../audience/counters.ts'
import { Figures } from './figures.ts'
import type { Ledger, Place } from './ledger.ts'
import { weightOf, weightOfPacked } from './weight.ts'

/** A record of the checkpoint with the stays of some actors as of a cut; it goes when all have newer ones, or none. */
export interface PulseColumn {
  name: string
  /** actors whose stay is in it */
  live: number
}

/** Bytes that an actor takes beside its context: in this object, in its place of the ledger, in maps, with its deadline; more, as long as pulses may come to it. */
const BESIDE_CONTEXT = 500
const OF_PULSES = 400

/** An actor in memory: its machine's snapshot, and the context that is in the checkpoint. */
export class Resident extends Figures {
  readonly id: string
  readonly kind: ActorKind
  /** up to before `until` events with these facts are pulses of it; undefined: that is not known */
  facts: object | undefined
  /** where these count */
  presences: Presences | null = null
  /** the column of the checkpoint that has its stay, if one has */
  column: PulseColumn | undefined
  /** undefined: the checkpoint knows nothing of it; null: it knows the context that is packed */
  #kept: unknown
  /** without a context while that is packed */
  #snapshot: AnyMachineSnapshot
  #spots: PackedViewer['spots'] | undefined
  #numbers: PackedViewer['numbers'] | undefined

  constructor(parts: {
    kind: ActorKind
    key: string
    snapshot: AnyMachineSnapshot
    kept: unknown
    used: number
    isCurrent: boolean
    place: Place
  }) {
    super(parts.key, parts.place)
    this.id = actorId(parts.kind.kind, parts.key)
    this.kind = parts.kind
    this.#kept = parts.kept
    this.used = parts.used
    this.isCurrent = parts.isCurrent
    this.#snapshot = parts.snapshot
    this.#find()
  }

  /** True if what was found out about the facts of a pulse holds for these. */
  knows(facts: object): boolean {
    return this.facts === facts || (this.facts !== undefined && this.kind.pulse!.isAlike(this.facts, facts))
  }

  /** Where its snapshot says it was last. */
  #find(): void {
    const found = this.kind.presence?.(this.#snapshot.context)
    this.at = found?.at ?? 0
    this.stream = found?.stream ?? null
  }

  get kept(): unknown {
    return this.#kept === null ? this.context : this.#kept
  }

  set kept(context: unknown) {
    this.#kept = context
  }

  /** False of one for which no event has come. */
  get isThere(): boolean {
    return this.#kept !== undefined || this.news !== 'none'
  }

  /** The state in which its machine is. */
  get state(): unknown {
    return this.#snapshot.value
  }

  /** As of its last transition, or before its stay. */
  get context(): unknown {
    return this.keeping()
  }

  /** Answers the context as it is now, whenever it is called. */
  get keeping(): () => unknown {
    const [spots, numbers, { context }, { pulse }] = [this.#spots, this.#numbers, this.#snapshot, this.kind]
    return spots === undefined ? () => context : () => pulse!.unpack({ spots, numbers: numbers! })
  }

  /** As of its last transition, or before its stay. */
  get former(): AnyMachineSnapshot {
    return this.isPacked ? ({ ...this.#snapshot, context: this.context } as AnyMachineSnapshot) : this.#snapshot
  }

  /** With its stay. */
  get snapshot(): AnyMachineSnapshot {
    const { stay } = this
    return stay ? afterStay(this.kind, this.former, stay) : this.former
  }

  set snapshot(snapshot: AnyMachineSnapshot) {
    this.#unpack(snapshot)
    this.until = 0
    this.#find()
  }

  /** Takes a context with more or less of its parts: the actor is the same as before. */
  hold(context: unknown, kept: unknown): void {
    this.#unpack({ ...this.former, context } as AnyMachineSnapshot)
    this.#kept = kept
  }

  get isPacked(): boolean {
    return this.#spots !== undefined
  }

  /** True if it is packed and attends that stream, or none is meant: an event there needs to know of no other. */
  attends(stream: unknown): boolean {
    if (this.#spots === undefined) return false
    return stream === null || streamsIn(this.#spots).includes(stream as string)
  }

  /** Packs the context, which the checkpoint has, if it can be packed; `state` is a snapshot of the same state. */
  pack(state: AnyMachineSnapshot, share: Share): void {
    if (this.isPacked || this.#kept !== this.#snapshot.context) return
    const packed = this.#packed(share)
    if (packed === null) return
    this.#kept = null
    this.#snapshot = state
    this.#spots = packed.spots
    this.#numbers = packed.numbers
    hold(packed.spots, 1)
  }

  /** The actor goes from memory; who still has it finds its numbers and its state as they were, and no context. */
  leave(ledger: Ledger, state: AnyMachineSnapshot): void {
    if (this.#spots) hold(this.#spots, -1)
    this.#spots = undefined
    this.#numbers = undefined
    this.#snapshot = state
    this.#kept = undefined
    this.facts = undefined
    this.presences = null
    this.column = undefined
    this.place = ledger.giveBack(this.place)
  }

  /** Null also where it throws: a partition must not end by what only saves memory, and the actor is whole as it is. */
  #packed(share: Share): PackedViewer | null {
    try {
      return this.kind.pulse!.pack(this.#snapshot.context, share)
    } catch {
      return null
    }
  }

  /** Finds out what it weighs; answers how much more that is than before. */
  weigh(): number {
    const before = this.weight
    this.weight = Math.ceil(BESIDE_CONTEXT + 4 * this.key.length + this.#contextWeight)
    return this.weight - before
  }

  get #contextWeight(): number {
    const [spots, numbers, { context }] = [this.#spots, this.#numbers, this.#snapshot]
    if (!this.kind.pulse) return weightOf(context)
    // Facts of a pulse, which come later, hold the texts of the place again.
    return OF_PULSES + (spots ? weightOfPacked({ spots, numbers: numbers! }) : 2 * weightOf(context))
  }

  /** Puts its stay into its snapshot. */
  settle(): void {
    if (!this.stays) return
    this.#unpack(this.snapshot)
    this.stay = null
  }

  #unpack(snapshot: AnyMachineSnapshot): void {
    if (this.#kept === null) this.#kept = this.context
    if (this.#spots) hold(this.#spots, -1)
    this.#spots = undefined
    this.#numbers = undefined
    this.#snapshot = snapshot
  }
}

/** The snapshot with a stay in its context. */
export function afterStay(kind: ActorKind, snapshot: AnyMachineSnapshot, stay: Stay): AnyMachineSnapshot {
  const context = kind.pulse!.after(snapshot.context, stay)
  return context === snapshot.context ? snapshot : ({ ...snapshot, context } as AnyMachineSnapshot)
}

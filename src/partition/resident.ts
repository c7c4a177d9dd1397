import type { AnyMachineSnapshot } from 'xstate'
import type { ActorKind } from '../../actors/index.ts'
import { hold, type PackedViewer, type Share, streamsIn } from '../../machines/packed-viewer.ts'
import type { Stay } from '../../machines/pulse.ts'
import type { Presences } from '../audience/counters.ts'
import type { ViewerPresence } from '../audience/index.ts'
import type { Seq } from '../log/index.ts'
import { weightOf, weightOfPacked } from './weight.ts'

/** A record of the checkpoint with the stays of some actors as of a cut; it goes when all have newer ones, or none. */
export interface PulseColumn {
  name: string
  /** actors whose stay is in it */
  live: number
}

/** Bytes that an actor takes beside its context: in this object, in maps, with its deadline; more, as long as pulses may come to it. */
const BESIDE_CONTEXT = 500
const OF_PULSES = 600

/** News of an actor, which the next commit writes: none, its stay, or all of it. */
type News = 'none' | 'pulse' | 'whole'

/** An actor in memory: its machine's snapshot, and the context that is in the checkpoint. */
export class Resident {
  readonly id: string
  readonly kind: ActorKind
  readonly key: string
  /** of the last batch that touched it */
  used: number
  /** of the entry that changed it last since it was loaded, and when that was to the partition */
  seq: Seq = 0
  at = 0
  news: News = 'none'
  /** a pulse came since the last cut */
  isHeard = false
  /** its record is of this version, or will be: a former one would not look for pulses beside it */
  isCurrent: boolean
  /** when it was last heard (ms; 0: never), and on which stream as of its last transition: what is shown of it is the same object */
  readonly presence: ViewerPresence
  /** what is new of it since its last transition; null: nothing is */
  stay: Stay | null = null
  /** ms; up to when its documents were written before a deadline came whose documents are not projected yet; null: none is */
  owing: number | null = null
  /** up to before when (ms) events with these facts are pulses of it; 0: that is not known */
  facts: object | undefined
  until = 0
  /** where the next window begins (ms) */
  rollsAt = 0
  /** where these count */
  presences: Presences | null = null
  /** the column of the checkpoint that has its stay, if one has */
  column: PulseColumn | undefined
  /** bytes, about, as of when it was last weighed */
  weight = 0
  /** undefined: the checkpoint knows nothing of it; null: it knows the context that is packed */
  #kept: unknown
  /** without a context while that is packed */
  #snapshot: AnyMachineSnapshot
  #spots: PackedViewer['spots'] | undefined
  #numbers: PackedViewer['numbers'] | undefined

  constructor(parts: {
    id: string
    kind: ActorKind
    key: string
    snapshot: AnyMachineSnapshot
    kept: unknown
    used: number
    isCurrent: boolean
  }) {
    this.id = parts.id
    this.kind = parts.kind
    this.key = parts.key
    this.presence = { userId: parts.key, at: 0, stream: null }
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
    this.presence.at = found?.at ?? 0
    this.presence.stream = found?.stream ?? null
  }

  get heard(): number {
    return this.presence.at
  }

  set heard(at: number) {
    this.presence.at = at
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
    return this.stay ? afterStay(this.kind, this.former, this.stay) : this.former
  }

  set snapshot(snapshot: AnyMachineSnapshot) {
    this.#unpack(snapshot)
    this.until = 0
    this.#find()
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

  /** It goes from memory. */
  leave(): void {
    if (this.#spots) hold(this.#spots, -1)
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
    if (this.stay) this.#unpack(this.snapshot)
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

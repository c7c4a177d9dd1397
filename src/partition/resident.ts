import type { AnyMachineSnapshot } from 'xstate'
import type { ActorKind } from '../../actors/index.ts'
import type { Presences } from '../audience/counters.ts'
import type { Seq } from '../log/index.ts'
import { weightOf } from './weight.ts'

/** A record of the checkpoint with the last pulses of some actors as of a cut; it goes when all have newer ones, or none. */
export interface PulseColumn {
  name: string
  /** actors whose last pulse is in it */
  live: number
}

/** Bytes that an actor takes beside its context: in this object, in maps, with its deadline. */
const BESIDE_CONTEXT = 500

/** What the next commit writes of an actor: nothing, its last pulse, or all of it. */
type News = 'none' | 'pulse' | 'whole'

/** An actor in memory: its machine's snapshot, and the context that is in the checkpoint. */
export class Resident {
  readonly id: string
  readonly kind: ActorKind
  readonly key: string
  /** undefined: the checkpoint knows nothing of it */
  kept: unknown
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
  /** ms; of its last pulse that is not in the record of the actor itself; 0: there is none */
  pulsedAt = 0
  /** up to before when (ms) events with these facts are pulses of it; 0: that is not known */
  facts: object | undefined
  until = 0
  /** where these count */
  presences: Presences | null = null
  /** the column of the checkpoint that has its last pulse, if one has */
  column: PulseColumn | undefined
  /** bytes, about, as of when it was last weighed */
  weight = 0
  #snapshot: AnyMachineSnapshot

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
    this.kept = parts.kept
    this.used = parts.used
    this.isCurrent = parts.isCurrent
    this.#snapshot = parts.snapshot
  }

  /** False of one for which no event has come. */
  get isThere(): boolean {
    return this.kept !== undefined || this.news !== 'none'
  }

  /** With its pulses. */
  get snapshot(): AnyMachineSnapshot {
    this.fold()
    return this.#snapshot
  }

  /** Puts its pulses into its snapshot. */
  fold(): void {
    if (this.pulsedAt > 0) this.#snapshot = afterPulses(this.kind, this.#snapshot, this.pulsedAt)
  }

  set snapshot(snapshot: AnyMachineSnapshot) {
    this.#snapshot = snapshot
    this.until = 0
  }

  /** Finds out what it weighs; answers how much more that is than before. */
  weigh(): number {
    const before = this.weight
    this.weight = BESIDE_CONTEXT + 2 * this.key.length + weightOf(this.#snapshot.context)
    return this.weight - before
  }

  /** As of its last transition, or of a pulse since. */
  get former(): AnyMachineSnapshot {
    return this.#snapshot
  }

  /** ms; 0: it never was */
  get heard(): number {
    return this.pulsedAt || (this.kind.presence?.(this.#snapshot.context)?.at ?? 0)
  }
}

/** The snapshot with the last pulse in its context. */
export function afterPulses(kind: ActorKind, snapshot: AnyMachineSnapshot, at: number): AnyMachineSnapshot {
  const context = kind.pulse!.after(snapshot.context, at)
  return context === snapshot.context ? snapshot : ({ ...snapshot, context } as AnyMachineSnapshot)
}

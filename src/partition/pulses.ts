import type { AnyMachineSnapshot } from 'xstate'
import { type ActorKind, actorId } from '../../actors/index.ts'
import type { CheckpointRecord, RecordKey } from '../checkpoint/index.ts'
import type { Seq } from '../log/index.ts'
import { afterPulses, type PulseColumn, type Resident } from './resident.ts'
import type { KeptSnapshot } from './transitions.ts'

/** Pulses that are in one record at most. */
const MOST_IN_RECORD = 4_096

/** The content of a record: who, and when (ms). */
interface Kept {
  kind: string
  keys: string[]
  from: number
  after: number[]
}

/** The pulses of a record: of which actor, and when (ms). */
export function* pulsesIn(value: unknown): Generator<[kind: string, key: string, at: number]> {
  const { kind, keys, from, after } = value as Kept
  for (const [i, key] of keys.entries()) yield [kind, key, from + after[i]!]
}

/** A record of an actor with a pulse in it, as its next whole record has it. */
export function withPulse({ head, pulse }: ActorKind, [version, value, kept]: KeptSnapshot, at: number): KeptSnapshot {
  return [version, value, head(pulse!.after(kept, at))]
}

/** The last pulses of actors that the actors' own records in the checkpoint do not have. */
export class Pulses {
  /** of actors that are not in memory, by id */
  readonly #away = new Map<string, { at: number; column: PulseColumn }>()
  #emptied: string[] = []
  /** those that were not read since their records were taken */
  #unread: string[] = []

  /** Takes a record; of an actor that is in several the latest counts. */
  restore(name: string, value: unknown): void {
    const column = { name, live: (value as Kept).keys.length }
    for (const [kind, key, at] of pulsesIn(value)) {
      const id = actorId(kind, key)
      const known = this.#away.get(id)
      if (known && known.at >= at) this.#release(column)
      else {
        this.#release(known?.column)
        if (!known) this.#unread.push(id)
        this.#away.set(id, { at, column })
      }
    }
  }

  /**
   * So many actors that were not read since pulses of them were taken, each once. Their own records may have all, and of
   * those who do not come back a record of pulses would stay, with all others in it.
   */
  takeUnread(most: number): string[] {
    return this.#unread.splice(-most).filter(id => this.#away.has(id))
  }

  /** The actor was read from its record. */
  met(resident: Resident): void {
    const away = this.#away.get(resident.id)
    if (!away) return
    this.#away.delete(resident.id)
    if (away.at > resident.heard) {
      resident.pulsedAt = away.at
      resident.column = away.column
    } else this.#release(away.column)
  }

  /** The snapshot of an actor that is not in memory, as its record has it, with its last pulse. */
  after(kind: ActorKind, key: string, snapshot: AnyMachineSnapshot): AnyMachineSnapshot {
    const away = this.#away.get(actorId(kind.kind, key))
    return away ? afterPulses(kind, snapshot, away.at) : snapshot
  }

  /** The actor goes from memory. */
  left({ id, pulsedAt, column }: Resident): void {
    if (column) this.#away.set(id, { at: pulsedAt, column })
  }

  /** The actor's own record has all. */
  settled(resident: Resident): void {
    this.#release(resident.column)
    resident.column = undefined
    resident.fold()
    resident.pulsedAt = 0
  }

  #release(column: PulseColumn | undefined): void {
    if (column && --column.live === 0) this.#emptied.push(column.name)
  }

  /** The pulses of these actors as of the cut, and which records are of no use any more. */
  take(pulsed: readonly Resident[], cut: Seq): { puts: CheckpointRecord[]; removes: RecordKey[] } {
    const puts: CheckpointRecord[] = []
    for (const [kind, all] of Map.groupBy(pulsed, ({ kind }) => kind.kind)) {
      for (let i = 0; i < all.length; i += MOST_IN_RECORD) {
        const some = all.slice(i, i + MOST_IN_RECORD)
        const name = `${String(cut).padStart(16, '0')}-${puts.length}`
        const column = { name, live: some.length }
        const from = some[0]!.pulsedAt
        for (const resident of some) {
          this.#release(resident.column)
          resident.column = column
        }
        const after = some.map(({ pulsedAt }) => pulsedAt - from)
        const value: Kept = { kind, keys: some.map(({ key }) => key), from, after }
        puts.push({ space: 'aggregate', names: ['pulses', name], value })
      }
    }
    const removes = this.#emptied.map((name): RecordKey => ({ space: 'aggregate', names: ['pulses', name] }))
    this.#emptied = []
    return { puts, removes }
  }
}

import type { AnyMachineSnapshot } from 'xstate'
import { type ActorKind, actorId } from '../../actors/index.ts'
import type { Stay } from '../../machines/pulse.ts'
import type { CheckpointRecord, RecordKey } from '../checkpoint/index.ts'
import type { Seq } from '../log/index.ts'
import { afterStay, type PulseColumn, type Resident } from './resident.ts'
import type { KeptSnapshot } from './transitions.ts'

/** Stays that are in one record at most. */
const MOST_IN_RECORD = 4_096

/** The content of a record, a column for each part of a stay; times (ms) but `from` and `lateMs` count from `from`. */
interface Kept {
  kind: string
  keys: string[]
  from: number
  after: number[]
  /** records of former versions know of no more */
  lateMs?: number
  rolls?: (readonly number[])[]
  /** null: they were not */
  written?: (number | null)[]
  due?: (number | null)[]
}

/** The latest stay of an actor, and the record it is in. */
export interface Latest {
  name: string
  stay: Stay
}

/**
 * Takes the stays of a record, or that of one actor, by the ids of their actors; of those in several the latest count,
 * whose names are greater.
 */
export function takeLatest(known: Map<string, Latest>, name: string, value: unknown, only?: string): void {
  for (const [kind, key, stay] of pulsesIn(value)) {
    const id = actorId(kind, key)
    if ((only ?? id) !== id) continue
    const former = known.get(id)
    if (former === undefined || former.name < name) known.set(id, { name, stay })
  }
}

/** The stays of a record, and whose they are. */
function* pulsesIn(value: unknown): Generator<[kind: string, key: string, stay: Stay]> {
  const { kind, keys, from, after, lateMs = Number.POSITIVE_INFINITY, rolls, written, due } = value as Kept
  const time = (kept: number | null | undefined): number => (kept == null ? 0 : from + kept)
  for (const [i, key] of keys.entries()) {
    const stay = { at: from + after[i]!, rolls: (rolls?.[i] ?? []).map(time), lateMs }
    yield [kind, key, { ...stay, written: time(written?.[i]), due: time(due?.[i]) }]
  }
}

function recordOf(kind: ActorKind, some: readonly Resident[]): Kept {
  const { at: from, lateMs } = some[0]!
  const kept: Kept & Required<Pick<Kept, 'rolls' | 'written' | 'due'>> = {
    ...{ kind: kind.kind, keys: some.map(({ key }) => key), from, after: [] },
    ...{ lateMs, rolls: [], written: [], due: [] },
  }
  for (const { at, rolls, written, due } of some) {
    kept.after.push(at - from)
    kept.rolls.push(rolls.length === 0 ? rolls : rolls.map(at => at - from))
    kept.written.push(written === 0 ? null : written - from)
    kept.due.push(due === 0 ? null : due - from)
  }
  return kept
}

/** A record with the stay of its actor, which is of the kind, as the actor's next whole record has it; or as it is. */
export function withStay(
  { head, pulse }: ActorKind,
  record: CheckpointRecord,
  stays: ReadonlyMap<string, Latest>,
): CheckpointRecord {
  const { space, names, value } = record
  const latest = space === 'actor' && names[2] === '' ? stays.get(actorId(names[0]!, names[1]!)) : undefined
  if (!latest || !pulse) return record
  const [version, state, kept] = value as KeptSnapshot
  return { ...record, value: [version, state, head(pulse.after(kept, latest.stay))] }
}

/** The stays of actors that the actors' own records in the checkpoint do not have. */
export class Pulses {
  /** of actors that are not in memory, by id */
  readonly #away = new Map<string, { stay: Stay; column: PulseColumn }>()
  #emptied: string[] = []
  /** those that were not read since their records were taken */
  #unread: string[] = []

  /** Takes a record; of an actor that is in several the latest counts, and their names are in the order of cuts. */
  restore(name: string, value: unknown): void {
    const column = { name, live: (value as Kept).keys.length }
    for (const [kind, key, stay] of pulsesIn(value)) {
      const id = actorId(kind, key)
      const known = this.#away.get(id)
      if (known && known.column.name > name) this.#release(column)
      else {
        this.#release(known?.column)
        if (!known) this.#unread.push(id)
        this.#away.set(id, { stay, column })
      }
    }
  }

  /**
   * So many actors that were not read since stays of them were taken, each once. Their own records may have all, and of
   * those who do not come back a record of stays would stay, with all others in it.
   */
  unread(most: number): string[] {
    return this.#unread.slice(-most).filter(id => this.#away.has(id))
  }

  /** So many were read by now, or need not be. */
  wereRead(most: number): void {
    this.#unread.length = Math.max(0, this.#unread.length - most)
  }

  /** The actor was read from its record. */
  met(resident: Resident): void {
    const away = this.#away.get(resident.id)
    if (!away) return
    this.#away.delete(resident.id)
    if (away.stay.at > resident.at) {
      resident.stay = away.stay
      resident.column = away.column
    } else this.#release(away.column)
  }

  /** The snapshot of an actor that is not in memory, as its record has it, with its stay. */
  after(kind: ActorKind, key: string, snapshot: AnyMachineSnapshot): AnyMachineSnapshot {
    const away = this.#away.get(actorId(kind.kind, key))
    return away ? afterStay(kind, snapshot, away.stay) : snapshot
  }

  /** The actor goes from memory. */
  left({ id, stay, column }: Resident): void {
    if (column && stay) this.#away.set(id, { stay, column })
  }

  /** The actor's own record has all. */
  settled(resident: Resident): void {
    this.#release(resident.column)
    resident.column = undefined
    resident.settle()
  }

  #release(column: PulseColumn | undefined): void {
    if (column && --column.live === 0) this.#emptied.push(column.name)
  }

  /** The stays of these actors as of the cut, and which records are of no use any more. */
  take(pulsed: readonly Resident[], cut: Seq): { puts: CheckpointRecord[]; removes: RecordKey[] } {
    const puts: CheckpointRecord[] = []
    for (const [kind, all] of Map.groupBy(pulsed, ({ kind }) => kind)) {
      for (let i = 0; i < all.length; i += MOST_IN_RECORD) {
        const some = all.slice(i, i + MOST_IN_RECORD)
        const name = `${String(cut).padStart(16, '0')}-${puts.length}`
        const column = { name, live: some.length }
        for (const resident of some) {
          this.#release(resident.column)
          resident.column = column
        }
        puts.push({ space: 'aggregate', names: ['pulses', name], value: recordOf(kind, some) })
      }
    }
    const removes = this.#emptied.map((name): RecordKey => ({ space: 'aggregate', names: ['pulses', name] }))
    this.#emptied = []
    return { puts, removes }
  }
}

/** The first event at which what is kept and what the log says part: the log once more, with an eye on what differs. */
import type { Event } from '../../actors/event.ts'
import type { RecordKey } from '../checkpoint/index.ts'
import type { Document } from '../documents/index.ts'
import { type Stored, upserted } from '../documents/stored.ts'
import type { Entry } from '../log/index.ts'
import type { Cut } from '../partition/cut.ts'
import { nameOfDocument, type Suspect } from './checked.ts'
import { projectedOf } from './documents.ts'
import type { Parting } from './finding.ts'
import { unlike } from './unlike.ts'

const nameOf = ({ space, names }: RecordKey): string => JSON.stringify([space, ...names])

/** A record or document that differs, followed from entry to entry. */
interface Followed {
  suspect: Suspect
  /** as the log makes it */
  stored: Stored | undefined
  /** since it was last as it is kept; undefined while it is */
  parted: Parting | undefined
  /** when it was last changed */
  last: Parting | undefined
  wasSo: boolean
}

export class Partings {
  readonly #records = new Map<string, Followed>()
  readonly #documents = new Map<string, Followed>()

  /** A thing that is kept and was not there at the beginning was never so, as yet. */
  constructor(suspects: readonly Suspect[], initial: (record: RecordKey) => Promise<unknown>) {
    for (const suspect of suspects) {
      const followed: Followed = {
        ...{ suspect, stored: undefined, parted: undefined, last: undefined },
        wasSo: suspect.kept === undefined,
      }
      if (suspect.record) this.#records.set(nameOf(suspect.record), followed)
      else this.#documents.set(nameOfDocument(suspect.document!.collection, suspect.document!.id), followed)
    }
    this.#initial = initial
  }

  readonly #initial: (record: RecordKey) => Promise<unknown>

  /** Takes records as they are before the first entry. */
  async begin(): Promise<void> {
    for (const { suspect, ...followed } of this.#records.values()) {
      const value = await this.#initial(suspect.record!)
      followed.wasSo = unlike(counted(suspect.record, suspect.kept), counted(suspect.record, value)) === ''
      Object.assign(this.#records.get(nameOf(suspect.record!))!, followed)
    }
  }

  /** Takes what an entry behind the cut that was compared writes: of these documents nothing is known. */
  takeNewer({ writes }: Cut): void {
    for (const { collection, id } of writes) this.#documents.delete(nameOfDocument(collection, id))
  }

  /** Takes what the entry changed. */
  take(entry: Entry, { delta, writes, seq }: Cut): void {
    for (const { value, ...key } of delta.puts) this.#changed(this.#records.get(nameOf(key)), value, entry)
    for (const key of delta.removes) this.#changed(this.#records.get(nameOf(key)), undefined, entry)
    for (const { collection, id, set } of writes) {
      const followed = this.#documents.get(nameOfDocument(collection, id))
      if (!followed) continue
      followed.stored = set === null ? undefined : upserted(followed.stored, id, [{ id, seq, set }])
      const document = followed.stored?.document
      this.#changed(followed, document && projectedOf(collection, document), entry)
    }
  }

  #changed(followed: Followed | undefined, derived: unknown, entry: Entry): void {
    if (!followed) return
    const { record, document, kept } = followed.suspect
    const asKept = document && kept ? projectedOf(document.collection, kept as Document) : kept
    const now = partingAt(entry, ownerOf(record, document && { ...document, kept }))
    followed.last = now
    const isSo = unlike(counted(record, asKept), counted(record, derived)) === ''
    if (isSo) followed.wasSo = true
    followed.parted = isSo ? undefined : (followed.parted ?? now)
  }

  /** Says of each where it parts; answers with those that differ. */
  end(): Suspect[] {
    const all = [...this.#records.values(), ...this.#documents.values()]
    for (const { suspect, parted, last, wasSo } of all) {
      if (wasSo && parted) suspect.difference.first = parted
      else if (last) suspect.difference.first = { ...last, never: true }
    }
    return all.map(({ suspect }) => suspect)
  }
}

/** A value as far as it counts something: the newest window moves by itself, and would part totals that were alike. */
function counted(record: RecordKey | undefined, value: unknown): unknown {
  if (record?.space !== 'aggregate' || record.names[0] !== 'totals') return value
  const { newest: _, ...totals } = (value ?? {}) as { newest?: number }
  return totals
}

/** The key of the actor that a record or document is of, as far as it is of one. */
function ownerOf(record: RecordKey | undefined, document: { id: string; kept: unknown } | undefined): string | null {
  if (record?.space === 'actor') return record.names[1]!
  if (record?.space === 'deadline' || record?.space === 'parked') return record.names[0]!.replace(/^[^/]*\//, '')
  const { visitorId, userId } = (document?.kept ?? {}) as Record<string, unknown>
  return typeof visitorId === 'string' ? visitorId : typeof userId === 'string' ? userId : null
}

/** The event of an entry that may have changed it: one of the actor's, else one that no single actor takes. */
function partingAt({ seq, events }: Entry, owner: string | null): Parting {
  const own = owner === null ? [] : events.filter(({ key }) => key === owner)
  const candidates: readonly Event[] = own.length > 0 ? own : events
  const { kind, key, id, at } = candidates[0] ?? { kind: '', key: '', id: '', at: 0 }
  return { seq, kind, key, id, at, of: candidates.length }
}

import type { Event } from '../../actors/event.ts'
import { type ActorKind, actorId, type Facts } from '../../actors/index.ts'

import type { CheckpointRecord, CheckpointStore, Claim, RecordKey } from '../checkpoint/index.ts'
import { type Resident, Transitions } from './transitions.ts'

/** An actor and what it is about to be told. */
export interface Wanted {
  kind: string
  key: string
  on: Event | { deadline: number } | null
}

/** Actors kept in memory per partition beyond those of the batch at hand. */
const KEEP = 20_000

/** The actors of a partition that are in memory: loaded when a batch needs them, gone when they are clean and idle. */
export class Residents {
  readonly transitions = new Transitions()
  readonly #kinds: Map<string, ActorKind>
  readonly #store: CheckpointStore
  readonly #claim: Claim
  readonly #facts: Facts
  readonly #refused: (id: string, error: Error) => void
  readonly #actors = new Map<string, Resident>()
  readonly #touched = new Set<Resident>()
  #committed: Resident[] = []
  #batch = 0

  /** `refused` hears of actors whose record can't be read. */
  constructor(
    kinds: readonly ActorKind[],
    store: CheckpointStore,
    claim: Claim,
    facts: Facts,
    refused: (id: string, error: Error) => void,
  ) {
    this.#kinds = new Map(kinds.map(kind => [kind.kind, kind]))
    this.#store = store
    this.#claim = claim
    this.#facts = facts
    this.#refused = refused
  }

  /** An actor that was loaded. */
  get(id: string): Resident {
    return this.#actors.get(id)!
  }

  has(id: string): boolean {
    return this.#actors.has(id)
  }

  touch(resident: Resident): void {
    this.#touched.add(resident)
  }

  async load(wanted: Wanted[]): Promise<void> {
    this.#batch++
    await this.#loadHeads(wanted)
    await this.#loadParts(wanted)
  }

  async #loadHeads(wanted: Wanted[]): Promise<void> {
    const missing = new Map<string, [kind: string, key: string]>()
    for (const { kind, key } of wanted) {
      const id = actorId(kind, key)
      const resident = this.#actors.get(id)
      if (resident) resident.used = this.#batch
      else missing.set(id, [kind, key])
    }
    if (missing.size === 0) return
    const keys = [...missing.values()].map(([kind, key]): RecordKey => ({ space: 'actor', names: [kind, key, ''] }))
    for await (const record of this.#store.load(this.#claim, keys)) this.#admit(record)
    for (const [id, [kind, key]] of missing) if (!this.#actors.has(id)) this.#add(kind, key, undefined)
  }

  #admit({ names, value }: CheckpointRecord): void {
    const [kind, key] = names as [string, string]
    try {
      this.#add(kind, key, value)
    } catch (error) {
      this.#refused(actorId(kind, key), error as Error)
    }
  }

  #add(name: string, key: string, kept: unknown): void {
    const kind = this.#kinds.get(name)!
    const snapshot = kept === undefined ? this.transitions.initial(kind) : this.transitions.restore(kind, kept)
    const id = actorId(name, key)
    this.#actors.set(id, { id, kind, key, snapshot, kept: kept && snapshot.context, used: this.#batch })
  }

  async #loadParts(wanted: Wanted[]): Promise<void> {
    const keys = new Map<string, RecordKey>()
    for (const { kind, key, on } of wanted) {
      const resident = this.#actors.get(actorId(kind, key))!
      if (resident.kept === undefined || on === null) continue
      for (const part of this.#partsFor(resident, on)) {
        const names = [kind, key, ...part]
        keys.set(names.join('\n'), { space: 'actor', names })
      }
    }
    if (keys.size === 0) return
    for await (const { names, value } of this.#store.load(this.#claim, [...keys.values()])) {
      const [kind, key, ...part] = names as [string, string, ...string[]]
      const resident = this.#actors.get(actorId(kind, key))!
      const grown = resident.kind.withPart(resident.snapshot.context, { names: part, value })
      if (resident.kept === resident.snapshot.context) resident.kept = grown
      else resident.kept = resident.kind.withPart(resident.kept, { names: part, value })
      resident.snapshot = { ...resident.snapshot, context: grown } as Resident['snapshot']
    }
  }

  #partsFor({ kind, snapshot }: Resident, on: NonNullable<Wanted['on']>): string[][] {
    try {
      return kind.needs(snapshot.context, on, this.#facts)
    } catch {
      // An event like that is parked when it is applied, which says why.
      return []
    }
  }

  /** The records of all actors that changed; from here on they count as committed. */
  take(): { puts: CheckpointRecord[]; removes: RecordKey[] } {
    const puts: CheckpointRecord[] = []
    const removes: RecordKey[] = []
    for (const resident of this.#touched) {
      const { kind, key } = resident
      const before = resident.kept ?? this.transitions.initial(kind).context
      const after = resident.snapshot.context
      puts.push({ space: 'actor', names: [kind.kind, key, ''], value: this.transitions.keep(resident) })
      for (const { names, value } of kind.parts(before, after)) {
        const record: RecordKey = { space: 'actor', names: [kind.kind, key, ...names] }
        if (value === undefined) removes.push(record)
        else puts.push({ ...record, value })
      }
      resident.kept = after
      this.#committed.push(resident)
    }
    this.#touched.clear()
    return { puts, removes }
  }

  /** Called only between batches, and only when no commit is under way: what was committed must be loadable again. */
  evict(): void {
    for (const resident of this.#committed) {
      if (this.#touched.has(resident)) continue
      const context = resident.kind.slim(resident.snapshot.context)
      if (context === resident.snapshot.context) continue
      resident.snapshot = { ...resident.snapshot, context } as Resident['snapshot']
      resident.kept = context
    }
    this.#committed = []
    if (this.#actors.size <= 2 * KEEP) return
    const idle = [...this.#actors.values()]
      .filter(resident => !this.#touched.has(resident))
      .sort((a, b) => a.used - b.used)
    for (const resident of idle.slice(0, this.#actors.size - KEEP)) this.#actors.delete(resident.id)
  }

  /** The actor's snapshot, which does not make it a resident; undefined if no event has come for it. */
  async snapshotOf(kind: string, key: string): Promise<Resident['snapshot'] | undefined> {
    const resident = this.#actors.get(actorId(kind, key))
    if (resident) return resident.kept === undefined && !this.#touched.has(resident) ? undefined : resident.snapshot
    const known = this.#kinds.get(kind)
    if (!known) return undefined
    for await (const { value } of this.#store.load(this.#claim, [{ space: 'actor', names: [kind, key, ''] }])) {
      return this.transitions.restore(known, value)
    }
    return undefined
  }

  /** The actor is loaded anew when it is needed next. */
  forget(id: string): void {
    this.#actors.delete(id)
  }
}

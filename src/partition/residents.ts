import { type ActorKind, actorId, type Part, splitId } from '../../actors/index.ts'
import type { CheckpointRecord, CheckpointStore, Claim, RecordKey } from '../checkpoint/index.ts'
import type { Seq } from '../log/index.ts'
import { Meter } from '../observe/meter.ts'
import { Awake } from './awake.ts'
import { CELLS } from './figures.ts'
import { Ledger } from './ledger.ts'
import { bytesOfPartition } from './memory.ts'
import { Names } from './names.ts'
import { Pulses } from './pulses.ts'
import { Resident } from './resident.ts'
import { type KeptSnapshot, Transitions } from './transitions.ts'

/** The share of its bytes that a partition goes back to, so that it does not have to again at once. */
const KEPT = 0.75
/** Actors that are read with others, so that their records of pulses may go. */
const UNREAD = 200

/** Actors since the last cut: with a transition, with nothing but pulses, and all with pulses. */
interface Taken {
  puts: CheckpointRecord[]
  removes: RecordKey[]
  changed: Resident[]
  pulsed: Resident[]
  heard: Resident[]
}

/** The actors in memory as they come and go: loaded when a batch needs them, gone when they are clean and idle. */
export class Residents extends Awake {
  readonly transitions: Transitions
  readonly pulses = new Pulses()
  readonly #kinds: Map<string, ActorKind>
  readonly #store: CheckpointStore
  readonly #claim: Claim
  readonly #refused: (id: string, error: Error) => void
  readonly #names: Names
  readonly #mostBytes: number
  readonly #ledger = new Ledger(CELLS)
  #touched: Resident[] = []
  #pulsed: Resident[] = []
  #committed: Resident[] = []

  /** `refused` hears of actors whose record can't be read. */
  constructor(
    kinds: readonly ActorKind[],
    store: CheckpointStore,
    claim: Claim,
    refused: (id: string, error: Error) => void,
    given: { names?: Names; mostBytes?: number; meter?: Meter } = {},
  ) {
    const { names = new Names(), mostBytes = bytesOfPartition(), meter = new Meter() } = given
    super(kinds, meter)
    this.transitions = new Transitions(meter)
    this.#names = names
    this.#mostBytes = mostBytes
    this.#kinds = new Map(kinds.map(kind => [kind.kind, kind]))
    this.#store = store
    this.#claim = claim
    this.#refused = refused
  }

  /** The resident changed, by the entry `seq`. */
  touch(resident: Resident, seq: Seq, at: number): void {
    resident.changedBy(seq, at)
    resident.stay = null
    resident.isCurrent = true
    if (resident.news !== 'whole') this.#touched.push(resident)
    resident.news = 'whole'
  }

  /** The resident's stay changed, by the entry `seq`, and that is all. */
  stayed(resident: Resident, seq: Seq, at: number): void {
    resident.changedBy(seq, at)
    if (resident.news !== 'none') return
    this.#pulsed.push(resident)
    resident.news = 'pulse'
  }

  /** Loads actors, without their parts; kinds that nobody knows have none. */
  async load(wanted: readonly { kind: string; key: string }[]): Promise<void> {
    this.batch++
    const missing = new Map<string, [kind: string, key: string]>()
    for (const { kind, key } of [...wanted, ...this.pulses.unread(UNREAD).map(splitId)]) {
      if (!this.find(kind, key) && this.#kinds.has(kind)) missing.set(actorId(kind, key), [kind, key])
    }
    if (missing.size === 0) return this.pulses.wereRead(UNREAD)
    const keys = [...missing.values()].map(([kind, key]): RecordKey => ({ space: 'actor', names: [kind, key, ''] }))
    for await (const record of this.#store.load(this.#claim, keys)) this.#admit(record)
    this.pulses.wereRead(UNREAD)
    for (const [id, [kind, key]] of missing) if (!this.has(id)) this.#add(kind, key, undefined)
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
    if (kind.pulse && kept !== undefined) this.#names.share(kept as object)
    const snapshot = kept === undefined ? this.transitions.initial(kind) : this.transitions.restore(kind, kept)
    const isCurrent = kept === undefined || (kept as KeptSnapshot)[0] === kind.version
    const own = { kept: kept && snapshot.context, used: this.batch, isCurrent }
    const resident = new Resident({ kind, key, snapshot, place: this.#ledger.take(), ...own })
    this.add(resident)
    if (!kind.pulse) return
    if (resident.isThere) this.#committed.push(resident)
    this.pulses.met(resident)
  }

  /** Loads parts of actors that are in memory; answers whose parts cannot be read, and why. */
  async loadParts(keys: RecordKey[]): Promise<Map<string, Error>> {
    const unread = new Map<string, Error>()
    if (keys.length === 0) return unread
    const distinct = new Map(keys.map(key => [key.names.join('\n'), key]))
    // A commit that comes meanwhile would write what there is of a part: none of it is there before all is.
    const records: CheckpointRecord[] = []
    for await (const record of this.#store.load(this.#claim, [...distinct.values()])) records.push(record)
    for (const { names, value } of records) {
      const [kind, key, ...part] = names as [string, string, ...string[]]
      const id = actorId(kind, key)
      try {
        this.#extend(this.get(id), { names: part, value })
      } catch (error) {
        unread.set(id, error as Error)
      }
    }
    return unread
  }

  #extend(resident: Resident, part: Part): void {
    const { kind, snapshot, kept } = resident
    const grown = kind.withPart(snapshot.context, part)
    resident.hold(grown, kept === snapshot.context ? grown : kind.withPart(kept, part))
  }

  /** All actors that changed, with their records as of the cut, and those that were heard; from here on they count as committed. */
  take(cut: Seq): Taken {
    const changed = this.#touched
    const pulsed = this.#pulsed.filter(({ news }) => news === 'pulse')
    const heard = [...pulsed, ...changed].filter(({ isHeard }) => isHeard)
    for (const resident of heard) resident.isHeard = false
    for (const resident of pulsed) resident.news = 'none'
    for (const resident of changed) this.pulses.settled(resident)
    const { puts, removes } = this.pulses.take(pulsed, cut)
    for (const resident of changed) {
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
      resident.news = 'none'
      this.#committed.push(resident)
    }
    this.#touched = []
    this.#pulsed = []
    return { puts, removes, changed, pulsed, heard }
  }

  /** Called only between batches, and only when no commit is under way: what was committed must be loadable again. */
  evict(): void {
    for (const resident of this.#committed) {
      const { kind, news, isCurrent, isPacked } = resident
      if (news === 'whole') continue
      if (!isPacked) {
        const context = kind.slim(resident.former.context)
        if (context !== resident.former.context) {
          resident.hold(context, context)
        }
        if (kind.pulse && isCurrent) resident.pack(this.transitions.stateOf(kind, resident.state), this.#names.thing)
      }
      this.weigh(resident)
    }
    this.#committed = []
    if (this.bytes <= this.#mostBytes) return
    for (const resident of this.idle()) {
      if (this.bytes <= KEPT * this.#mostBytes) break
      this.#leave(resident)
    }
  }

  /** How many the next commit writes whole. */
  get changed(): number {
    return this.#touched.length
  }

  /** How many the next commit writes. */
  get dirty(): number {
    return this.#touched.length + this.#pulsed.filter(({ news }) => news === 'pulse').length
  }

  /** The actor's snapshot, which does not make it a resident; undefined if no event has come for it. */
  async snapshotOf(kind: string, key: string): Promise<Resident['snapshot'] | undefined> {
    const resident = this.at(actorId(kind, key))
    if (resident) return resident.isThere ? resident.snapshot : undefined
    const known = this.#kinds.get(kind)
    if (!known) return undefined
    for await (const { value } of this.#store.load(this.#claim, [{ space: 'actor', names: [kind, key, ''] }])) {
      return this.pulses.after(known, key, this.transitions.restore(known, value))
    }
    return undefined
  }

  /** The actor is loaded anew when it is needed next. */
  forget(id: string): void {
    const resident = this.at(id)
    if (resident) this.#leave(resident)
  }

  #leave(resident: Resident): void {
    this.pulses.left(resident)
    this.remove(resident)
    resident.leave(this.#ledger, this.transitions.stateOf(resident.kind, resident.state))
  }
}

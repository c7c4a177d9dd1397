import type { Event } from '../../actors/event.ts'
import { type ActorKind, type Facts, listedAt, type Rules, splitId } from '../../actors/index.ts'
import { AudienceCounters } from '../audience/counters.ts'
import type { CheckpointRecord, CheckpointStore, Claim, RecordKey } from '../checkpoint/index.ts'
import { Outbox } from '../effects/outbox.ts'
import type { Tap } from '../inspect/tap.ts'
import { fingerprintOf } from '../log/fingerprint.ts'
import type { Entry, Seq } from '../log/index.ts'
import { countOf } from '../log/rows-entry.ts'
import { Meter } from '../observe/meter.ts'
import { Applier } from './applier.ts'
import { Backlog } from './backlog.ts'
import { Begun } from './begun.ts'
import type { Clock } from './clock.ts'
import type { Cut } from './cut.ts'
import { Deadlines } from './deadlines.ts'
import { Hearers } from './hearers.ts'
import { bytesOfPartition } from './memory.ts'
import { Names } from './names.ts'
import { Parking } from './parking.ts'
import { Population } from './population.ts'
import { prepare } from './prepare.ts'
import { type DocumentWrite, Projections } from './projections.ts'
import type { Resident } from './resident.ts'
import { Residents } from './residents.ts'
import { PartitionRules } from './rules.ts'
import type { PersistedSnapshot } from './transitions.ts'
import { Wheel } from './wheel.ts'

/** The state of one partition, a function of its log. Applying is synchronous; what it needs is loaded before. */
export class Partition {
  readonly claim: Claim
  /** what was done for it since it was claimed here */
  readonly meter = new Meter()
  readonly counters = new AudienceCounters()
  readonly kinds: ReadonlyMap<string, ActorKind>
  readonly outbox: Outbox
  readonly parking = new Parking()
  readonly wheel = new Wheel()
  readonly deadlines: Deadlines
  readonly residents: Residents
  readonly hearers: Hearers
  readonly clock: Clock = { time: 0, epoch: 0, adopts: null }
  readonly rules: PartitionRules
  readonly population: Population
  readonly facts: Facts
  readonly projections = new Projections()
  readonly begun = new Begun()
  readonly names: Names
  readonly unprepared = new Map<Event | string, Error>()
  /** null: nobody looks at its actors */
  tap: Tap | null = null
  /** True if each cut tells which actors it changed, and news have copies: somebody outside of the process is told. */
  tellsChanged = true
  /** the last entry that is in the state */
  applied: Seq
  readonly backlog = new Backlog()

  readonly #takers: Map<string, ActorKind>
  readonly #store: CheckpointStore
  readonly #projected: RecordKey[] = []
  readonly #applier: Applier
  readonly #shown: ReadonlySet<string>
  #last: Entry | undefined

  /** `shown` are the kinds whose snapshots are documents; its actors in memory take so many bytes at most. */
  constructor(
    claim: Claim,
    kinds: readonly ActorKind[],
    rules: Rules,
    store: CheckpointStore,
    shown: readonly string[] = [],
    mostBytes = bytesOfPartition(),
  ) {
    this.names = new Names(mostBytes)
    this.claim = claim
    this.applied = claim.cut
    this.#store = store
    this.#shown = new Set(shown)
    this.kinds = new Map(kinds.map(kind => [kind.kind, kind]))
    this.population = new Population(this.kinds, claim.cut === 0)
    this.outbox = new Outbox(new Set(kinds.flatMap(({ holds = [] }) => holds)))
    this.#takers = new Map(kinds.flatMap(kind => kind.takes.map(takes => [takes, kind])))
    const ruling = new PartitionRules(rules)
    this.rules = ruling
    const { clock, counters } = this
    this.facts = {
      get rules() {
        return ruling.now
      },
      ...{ time: () => this.#applier.now, adopts: () => clock.adopts },
      isFrozen: stream => counters.isFrozen(stream, clock.time),
    }
    const { names } = this
    this.residents = new Residents(kinds, store, claim, (id, error) => this.parking.close(id, error), {
      ...{ names, meter: this.meter, mostBytes },
    })
    this.hearers = new Hearers(this.residents)
    this.deadlines = new Deadlines({ claim, wheel: this.wheel, store })
    this.#applier = new Applier(this)
  }

  /** Loads what the entries need. Nothing may be evicted until they are applied. */
  prepare(entries: Entry[]): Promise<void> {
    return prepare(this, this.#store, entries)
  }

  /** The kind of actor the event is about; undefined if it is about none. */
  readonly takerOf = (event: { kind: string; effect?: unknown }): ActorKind | undefined => {
    if (event.kind !== 'effect.failed') return this.#takers.get(event.kind)
    const kind = this.kinds.get(splitId(String(event.effect)).kind)
    return kind?.takes.includes(event.kind) ? kind : undefined
  }

  /** Applies an entry that was prepared before. */
  apply(entry: Entry): void {
    const { clock, counters } = this
    counters.applying = entry.seq
    const before = this.#whole
    this.#applier.apply(entry)
    this.applied = entry.seq
    this.backlog.applied({ events: countOf(entry), actors: this.#whole - before })
    this.#last = entry
    if (clock.ahead?.[0] !== entry.seq) return
    clock.ahead = clock.ahead.slice(1)
    if (clock.ahead.length === 0) delete clock.ahead
  }

  /** How many actors changed by more than pulses, or have documents to be written. */
  get #whole(): number {
    return this.residents.changed + this.#applier.hearing.owing
  }

  get #mark(): string | null {
    return this.#last ? fingerprintOf(this.#last) : this.claim.mark
  }

  /** Up to here what was applied shows: an event whose actor waits for an answer that it cannot do without does not. */
  get readableUntil(): Seq {
    return Math.min(this.applied, this.outbox.heldSince(actor => this.parking.has(actor)) - 1)
  }

  /** A partition is dirty when a commit would change anything but the clock. */
  get isDirty(): boolean {
    return this.applied > this.claim.cut || this.outbox.hasChanges || this.#projected.length > 0
  }

  /** The state as of `applied`, as changes since the last cut. Nothing may come between, or the cut would be torn. */
  take(): Cut {
    const seq = this.applied
    this.#applier.hearing.projectAll()
    const [writes, told] = [this.projections.take(), this.projections.takeTold()]
    const { residents, parking, outbox, wheel, rules, population } = this
    const actors = residents.take(seq)
    if (this.#shown.size > 0) {
      for (const each of [...actors.changed, ...actors.pulsed])
        if (this.#shown.has(each.kind.kind)) writes.push(this.#snapshotOf(each))
    }
    const changes = [actors, ...[parking, outbox, wheel, rules, population].map(each => each.takeRecords(seq))]
    const puts = changes.flatMap(({ puts }) => puts)
    const removes = [...changes.flatMap(({ removes }) => removes), ...this.#projected]
    this.#projected.length = 0
    this.begun.add(writes, this.clock.time)
    const { records, news } = this.counters.take()
    if (this.tellsChanged)
      for (const { key, at, stream } of actors.heard) news.present.set(key, { userId: key, at, stream })
    else {
      news.present = new Map()
      news.heard = [...actors.pulsed, ...actors.changed.filter(({ kind }) => kind.presence)]
    }
    for (const { names, value } of records) {
      if (names[0] === 'window') writes.push(this.#statistics(names[1]!, value as object))
      puts.push({ space: 'aggregate', names, value })
    }
    const alive = this.counters.present.take(seq)
    for (const record of alive.puts) puts.push({ space: 'aggregate', ...record })
    for (const names of alive.removes) removes.push({ space: 'aggregate', names })
    puts.push({ space: 'aggregate', names: ['clock'], value: { ...this.clock } })
    if (writes.length > 0) puts.push({ space: 'documents', names: [cutName(seq)], value: writes })
    const delta = { mark: this.#mark, puts, removes }
    const changed = this.tellsChanged ? [...actors.changed, ...actors.pulsed.map(pulsedOf)] : []
    const { readableUntil, backlog } = this
    return {
      seq,
      size: backlog.size,
      readableUntil,
      delta,
      writes,
      told,
      effects: outbox.takeFresh(),
      news,
      changed,
    }
  }

  #statistics(window: string, value: object): DocumentWrite {
    const { partition } = this.claim
    return { collection: 'statistics', id: `${window}/${partition}`, set: { partition, ...value } }
  }

  #snapshotOf({ id, kind, key, snapshot, seq, changedAt: at }: Resident): DocumentWrite {
    const { partition } = this.claim
    const shown = this.residents.transitions.persist(kind, snapshot)
    const listed = listedAt(kind.kind, String(shown.value), key)
    return { collection: 'actors', id, set: { ...shown, seq, partition, at: new Date(at), listed } }
  }

  /** The document writes of this cut are done; the next commit forgets them. */
  projected(seq: Seq): void {
    this.#projected.push({ space: 'documents', names: [cutName(seq)] })
  }

  /** Called only between batches, and only when no commit is under way. */
  evict(now: number): void {
    this.residents.evict()
    this.parking.evict()
    this.counters.evict(this.clock.time, now)
  }

  /** Distinct viewers of a stream, also of one whose record is not at hand. */
  async attendanceOf(stream: string): Promise<number> {
    const known = this.counters.attendanceOf(stream)
    if (known !== undefined) return known
    for await (const { value } of this.#store.load(this.claim, [{ space: 'aggregate', names: ['stream', stream] }])) {
      return (value as { attendance: number }).attendance
    }
    return 0
  }

  /** Records of a kind's actors and their parts. */
  readonly keptOf = (kind: string): AsyncIterable<CheckpointRecord> =>
    this.#store.load(this.claim, [{ space: 'actor', names: [kind] }])

  /** The actor's snapshot as of `applied`, without parts; undefined if there is none. */
  async view(kind: string, key: string): Promise<PersistedSnapshot | undefined> {
    const snapshot = await this.residents.snapshotOf(kind, key)
    return snapshot && this.residents.transitions.persist(this.kinds.get(kind)!, snapshot)
  }
}

/** A resident as of its last pulse so far, worked out when somebody asks. */
function pulsedOf({ kind, key, keeping, stay }: Resident): Cut['changed'][number] {
  const upToNow = stay!
  return {
    kind,
    key,
    get kept() {
      return kind.pulse!.after(keeping(), upToNow)
    },
  }
}

const cutName = (seq: Seq): string => String(seq).padStart(16, '0')

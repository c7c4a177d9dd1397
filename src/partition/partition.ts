import type { Event } from '../../actors/event.ts'
import { type ActorKind, actorId, type Facts, type Rules, splitId } from '../../actors/index.ts'
import { AudienceCounters } from '../audience/counters.ts'
import type { CheckpointStore, Claim, RecordKey } from '../checkpoint/index.ts'
import { Outbox } from '../effects/outbox.ts'
import { fingerprintOf } from '../log/fingerprint.ts'
import type { Entry, Seq } from '../log/index.ts'
import type { Clock } from './clock.ts'
import type { Cut } from './cut.ts'
import { isUnparking, type Parked, Parking } from './parking.ts'
import { prepare } from './prepare.ts'
import { type DocumentWrite, Projections } from './projections.ts'
import { Residents } from './residents.ts'
import type { Resident, Said } from './transitions.ts'
import { Wheel } from './wheel.ts'

/** An entry being applied, and how many effects each actor has asked for in it. */
interface Applying {
  seq: Seq
  said: Map<string, number>
  /** the index of an actor's first effect */
  from: number
}

/** Effects asked for ahead of an entry's turn count from here, apart from those at its turn. */
const AHEAD = 1_000_000_000

/** The state of one partition, a function of its log. Applying is synchronous; what it needs is loaded before. */
export class Partition {
  readonly claim: Claim
  readonly counters = new AudienceCounters()
  readonly kinds: ReadonlyMap<string, ActorKind>
  readonly outbox: Outbox
  readonly parking = new Parking()
  readonly wheel = new Wheel()
  readonly residents: Residents
  readonly clock: Clock = { time: 0, epoch: 0, ahead: [], adopts: null }
  /** the last entry that is in the state */
  applied: Seq

  readonly #takers: Map<string, ActorKind>
  readonly #store: CheckpointStore
  readonly #facts: Facts
  readonly #projections = new Projections()
  readonly #projected: RecordKey[] = []
  /** events of the entry that is applied, by actor, which are received at once */
  readonly #together = new Map<string, Parked[]>()
  #last: Entry | undefined

  constructor(claim: Claim, kinds: readonly ActorKind[], rules: Rules, store: CheckpointStore) {
    this.claim = claim
    this.applied = claim.cut
    this.#store = store
    this.kinds = new Map(kinds.map(kind => [kind.kind, kind]))
    this.outbox = new Outbox(new Set(kinds.flatMap(({ holds = [] }) => holds)))
    this.#takers = new Map(kinds.flatMap(kind => kind.takes.map(takes => [takes, kind])))
    const { clock, counters } = this
    this.#facts = {
      ...{ rules, time: () => clock.time, adopts: () => clock.adopts },
      isFrozen: stream => counters.isFrozen(stream, clock.time),
    }
    this.residents = new Residents(kinds, store, claim, this.#facts, (id, error) => this.parking.close(id, error))
  }

  /** Loads what the entries need. Nothing may be evicted until they are applied. */
  prepare(entries: Entry[]): Promise<void> {
    return prepare(this, this.#store, entries)
  }

  /** The kind of actor the event is about; undefined if it is about none. */
  readonly takerOf = (event: Event): ActorKind | undefined => {
    if (event.kind !== 'effect.failed') return this.#takers.get(event.kind)
    const kind = this.kinds.get(splitId(String(event.effect)).kind)
    return kind?.takes.includes(event.kind) ? kind : undefined
  }

  /** Applies an entry that was prepared before. */
  apply(entry: Entry): void {
    const { seq, events } = entry
    const applying: Applying = { seq, said: new Map(), from: 0 }
    events.forEach((event, index) => {
      this.clock.time = Math.max(this.clock.time, event.kind === 'tick' ? event.at : event.arrival)
      const kind = this.takerOf(event)
      if (!kind) this.#takeTogether(applying)
      if (event.kind === 'claim') this.clock.epoch = Math.max(this.clock.epoch, Number(event.epoch))
      else if (event.kind === 'tick') {
        if (event.epoch === this.clock.epoch) this.#tick(event.at, applying)
      } else if (isUnparking(event)) {
        if (!this.clock.ahead.includes(seq)) this.#unpark(event, applying)
      } else if (event.effect === undefined || this.#isAnswer(event)) {
        if (kind) this.#gather(kind, { seq, index, event }, applying)
      }
    })
    this.#takeTogether(applying)
    this.applied = seq
    this.#last = entry
    if (this.clock.ahead[0] === seq) this.clock.ahead.shift()
  }

  /** Receives the event, or has it wait for others of its actor in the entry. */
  #gather(kind: ActorKind, arrived: Parked, applying: Applying): void {
    if (!kind.together) {
      this.#receive(arrived, applying)
      return
    }
    const id = actorId(kind.kind, arrived.event.key)
    const group = this.#together.get(id) ?? []
    if (arrived.event.kind === kind.together.kind) {
      group.push(arrived)
      this.#together.set(id, group)
    } else {
      this.#together.delete(id)
      this.#receiveAll(id, group, applying)
      this.#receive(arrived, applying)
    }
  }

  #takeTogether(applying: Applying): void {
    for (const [id, group] of this.#together) this.#receiveAll(id, group, applying)
    this.#together.clear()
  }

  /** Applies the retries and drops of an entry that is not yet at its turn; false if there are none, or they were applied. */
  async unparkAhead({ seq, events }: Entry): Promise<boolean> {
    const unparking = events.filter(isUnparking)
    if (unparking.length === 0 || this.clock.ahead.includes(seq)) return false
    await this.prepare([{ seq, events: unparking }])
    const applying: Applying = { seq, said: new Map(), from: AHEAD }
    for (const event of unparking) this.#unpark(event, applying)
    this.clock.ahead.push(seq)
    return true
  }

  #tick(at: number, applying: Applying): void {
    for (const id of this.wheel.due(at)) {
      // The deadline of an actor that is stuck is parked as an event no kind takes; a retry or drop sets it anew.
      const event = { kind: 'deadline', key: splitId(id).key, id: '', at, arrival: at }
      if (this.parking.has(id)) this.parking.add(id, { seq: applying.seq, index: 0, event })
      else {
        try {
          this.#step(this.residents.get(id), { type: 'deadline', at, rules: this.#facts.rules }, applying)
          continue
        } catch (error) {
          this.parking.add(id, { seq: applying.seq, index: 0, event }, error as Error)
        }
      }
      this.wheel.set(id, null)
    }
  }

  /** An event that answers an effect counts while that is in the outbox. */
  #isAnswer(event: Event): boolean {
    const counts = this.outbox.take(event)
    for (const { id, ...fields } of this.outbox.takeDropped()) {
      const facts = { partition: this.claim.partition, state: 'dropped', doneAt: this.clock.time }
      this.#projections.upsert('effects', id, { ...fields, ...facts })
    }
    return counts
  }

  #receive(arrived: Parked, applying: Applying): void {
    const { event } = arrived
    const kind = this.takerOf(event)
    if (!kind) return
    const id = actorId(kind.kind, event.key)
    if (this.parking.has(id)) {
      this.parking.add(id, arrived)
      return
    }
    const resident = this.residents.get(id)
    try {
      this.#step(resident, kind.receive(event, resident.snapshot.context, this.#facts), applying)
    } catch (error) {
      this.parking.add(id, arrived, error as Error)
    }
  }

  /** Receives events of one actor at once; where they cannot be, each by itself, so that the one at fault is parked. */
  #receiveAll(id: string, group: Parked[], applying: Applying): void {
    if (group.length > 1 && !this.parking.has(id)) {
      const resident = this.residents.get(id)
      try {
        const events = group.map(({ event }) => event)
        const event = resident.kind.together!.receive(events, resident.snapshot.context, this.#facts)
        this.#step(resident, event, applying)
        return
      } catch {
        // The single events say which of them it is, and why.
      }
    }
    for (const arrived of group) this.#receive(arrived, applying)
  }

  #unpark({ actor, kind }: Event, applying: Applying): void {
    const id = String(actor)
    const parked = this.parking.take(id)
    for (const { error: _error, ...arrived } of kind === 'parked.drop' ? parked.slice(1) : parked) {
      this.#receive(arrived, applying)
    }
    if (this.residents.has(id)) this.wheel.set(id, this.residents.get(id).snapshot.context.deadline)
  }

  #step(resident: Resident, event: { type: string; [fact: string]: unknown }, applying: Applying): void {
    const { snapshot, said } = this.residents.transitions.step(resident, event)
    const before = resident.snapshot.context
    const after = snapshot.context
    if (snapshot !== resident.snapshot) {
      resident.snapshot = snapshot
      this.residents.touch(resident)
    }
    if (before !== after) {
      resident.kind.project(before, after, resident.key, this.#projections)
      resident.kind.tally?.(before, after, resident.key, event, this.counters)
      if (before.deadline !== after.deadline) this.wheel.set(resident.id, after.deadline)
    }
    for (const each of said) this.#ask(resident, each, applying)
  }

  #ask(resident: Resident, { type, ...payload }: Said, { seq, said, from }: Applying): void {
    const remark = resident.kind.remarks?.[type]
    if (remark) {
      remark(this.counters)
      return
    }
    const index = said.get(resident.id) ?? from
    said.set(resident.id, index + 1)
    const id = `${resident.id}:${seq}:${index}`
    this.outbox.add({ id, kind: type, actor: resident.id, seq, index, at: this.clock.time, payload })
  }

  get #mark(): string | null {
    return this.#last ? fingerprintOf(this.#last) : this.claim.mark
  }

  /** Up to here what was applied shows: an event whose actor waits for an answer that it cannot do without does not. */
  get readableUntil(): Seq {
    return Math.min(this.applied, this.outbox.heldSince() - 1)
  }

  /** A partition is dirty when a commit would change anything but the clock. */
  get isDirty(): boolean {
    return this.applied > this.claim.cut || this.outbox.hasChanges || this.#projected.length > 0
  }

  /** The state as of `applied`, as changes since the last cut. Nothing may come between, or the cut would be torn. */
  take(): Cut {
    const seq = this.applied
    const writes = this.#projections.take()
    const { residents, parking, outbox, wheel } = this
    const changes = [residents.take(), parking.takeRecords(), outbox.takeRecords(), wheel.takeRecords()]
    const puts = changes.flatMap(({ puts }) => puts)
    const removes = [...changes.flatMap(({ removes }) => removes), ...this.#projected]
    this.#projected.length = 0
    for (const { names, value } of this.counters.take()) {
      if (names[0] === 'window') writes.push(this.#statistics(names[1]!, value as object))
      puts.push({ space: 'aggregate', names, value })
    }
    puts.push({ space: 'aggregate', names: ['clock'], value: { ...this.clock, ahead: [...this.clock.ahead] } })
    if (writes.length > 0) puts.push({ space: 'documents', names: [cutName(seq)], value: writes })
    const [effects, news] = [outbox.takeFresh(), this.counters.takeNews()]
    return { seq, readableUntil: this.readableUntil, delta: { mark: this.#mark, puts, removes }, writes, effects, news }
  }

  #statistics(window: string, value: object): DocumentWrite {
    const { partition } = this.claim
    return { collection: 'statistics', id: `${window}/${partition}`, set: { partition, ...value } }
  }

  /** The document writes of this cut are done; the next commit forgets them. */
  projected(seq: Seq): void {
    this.#projected.push({ space: 'documents', names: [cutName(seq)] })
  }

  /** Called only between batches, and only when no commit is under way. */
  evict(now: number): void {
    this.residents.evict()
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

  /** The actor's snapshot as of `applied`, with the parts that are at hand; undefined if there is none. */
  async view(kind: string, key: string): Promise<{ value: unknown; context: unknown } | undefined> {
    const snapshot = await this.residents.snapshotOf(kind, key)
    return snapshot && { value: snapshot.value, context: snapshot.context }
  }
}

const cutName = (seq: Seq): string => String(seq).padStart(16, '0')

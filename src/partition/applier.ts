import type { Event } from '../../actors/event.ts'
import { type ActorKind, actorId, splitId } from '../../actors/index.ts'
import type { AudienceCounters } from '../audience/counters.ts'
import type { Claim } from '../checkpoint/index.ts'
import { laneOf } from '../effects/history.ts'
import type { Outbox } from '../effects/outbox.ts'
import type { Entry, Seq } from '../log/index.ts'
import { type EntryRows, runsOf } from '../log/rows-entry.ts'
import { hasTrace, traceIn } from '../observe/traces.ts'
import { Changes } from './changes.ts'
import { counted, latestArrival, tell } from './clock.ts'
import type { Hearers } from './hearers.ts'
import { Hearing, type HearingParts } from './hearing.ts'
import type { Names } from './names.ts'
import { isUnparking, type Parked } from './parking.ts'
import type { Population } from './population.ts'
import type { Projections } from './projections.ts'
import type { Resident } from './resident.ts'
import type { PartitionRules } from './rules.ts'
import type { Said } from './transitions.ts'
import type { Wheel } from './wheel.ts'

/** The parts of a partition that entries change, and by which. */
interface Parts extends HearingParts {
  claim: Claim
  hearers: Hearers
  names: Names
  counters: AudienceCounters
  outbox: Outbox
  population: Population
  projections: Projections
  rules: PartitionRules
  unprepared: Map<Event | string, Error>
  wheel: Wheel
  takerOf(event: { kind: string; effect?: unknown }): ActorKind | undefined
}

/** Applies entries, event by event: each with all it changes, or it is parked and changes nothing. */
export class Applier {
  readonly #parts: Parts
  /** of the entry that is applied, and how many effects each actor has asked for in it */
  #seq: Seq = 0
  readonly #said = new Map<string, number>()
  /** its events, by actor, which are received at once */
  readonly #together = new Map<string, Parked[]>()
  readonly hearing: Hearing
  /** partition time, or the arrival of the event at hand, if that is later */
  now = 0

  constructor(parts: Parts) {
    this.#parts = parts
    this.hearing = new Hearing(parts)
  }

  apply(entry: Entry): void {
    this.#seq = entry.seq
    if (this.#said.size > 0) this.#said.clear()
    let index = 0
    for (const run of runsOf(entry)) {
      if ('beats' in run) index = this.#takeRows(run, index)
      else for (const event of run) this.#take({ seq: this.#seq, index: index++, event })
    }
    this.#takeTogether()
  }

  #takeRows({ beats, from, to }: EntryRows, first: number): number {
    const { clock, hearers, takerOf } = this.#parts
    const { keys, places, ats, arrivals } = beats
    const kind = takerOf(beats)
    const latest = latestArrival(clock)
    const seq = this.#seq
    let index = first
    for (let row = from; row < to; row++, index++) {
      const hearer = kind?.pulse && hearers.next(kind.kind, keys[row]!)
      const arrival = arrivals[row]!
      if (hearer && arrival <= latest && this.hearing.pulse(hearer, places[row]!, ats[row]!, arrival, seq)) continue
      this.#take({ seq, index, event: beats.event(row) })
    }
    // A pulse has made nothing of that.
    if (to > from) this.now = Math.max(clock.time, Math.min(beats.arrivals[to - 1]!, latest))
    return index
  }

  #take({ event: written, ...place }: Parked): void {
    const { clock, counters, outbox, residents, takerOf } = this.#parts
    const isWord = tell(clock, written)
    if (isWord) counters.present.told(clock.time)
    const event = this.#heard(written)
    const kind = takerOf(event)
    if (kind) {
      const { key, at, arrival } = event
      const hearer = kind.pulse?.kind === event.kind ? residents.find(kind.kind, key) : undefined
      if (this.hearing.pulse(hearer, event, at, arrival, this.#seq)) return
      this.#gather(kind, { ...place, event, ...(event.effect !== undefined && { isOpen: true as const }) })
      return
    }
    this.#takeTogether()
    if (isWord) {
      if (event.kind === 'tick') this.#tick(event.at)
    } else if (isUnparking(event)) {
      if (!clock.ahead?.includes(this.#seq)) this.#unpark(event)
    } else if (event.kind === 'rules') this.#parts.rules.hear(event)
    else if (event.effect !== undefined && outbox.counts(event)) this.#settle(event)
  }

  #heard(written: Event): Event {
    const { clock, unprepared } = this.#parts
    const event = counted(written, clock)
    if (event !== written && unprepared.has(written)) unprepared.set(event, unprepared.get(written)!)
    this.now = Math.max(clock.time, event.arrival)
    return event
  }

  /** Receives the event, or has it wait for others of its actor in the entry. */
  #gather(kind: ActorKind, arrived: Parked): void {
    const id = actorId(kind.kind, arrived.event.key)
    if (!kind.together) {
      this.#receive(id, kind, arrived)
      return
    }
    const group = this.#together.get(id) ?? []
    if (arrived.event.kind === kind.together.kind && !arrived.isOpen) {
      group.push(arrived)
      this.#together.set(id, group)
    } else {
      this.#together.delete(id)
      this.#receiveAll(id, kind, group)
      this.#receive(id, kind, arrived)
    }
  }

  #takeTogether(): void {
    if (this.#together.size === 0) return
    const { takerOf } = this.#parts
    for (const [id, group] of this.#together) this.#receiveAll(id, takerOf(group[0]!.event)!, group)
    this.#together.clear()
  }

  #tick(at: number): void {
    const { parking, residents, wheel, facts, unprepared } = this.#parts
    const next = wheel.next()
    if (next === undefined || next > at) return
    for (const id of wheel.due(at)) {
      // The deadline of an actor that is stuck is parked as an event no kind takes; a retry or drop sets it anew.
      const event = { kind: 'deadline', key: splitId(id).key, id: '', at, arrival: at }
      const arrived = { seq: this.#seq, index: 0, event }
      if (parking.has(id)) parking.add(id, arrived)
      else {
        try {
          refuse(unprepared.get(id))
          const resident = residents.get(id)
          if (!this.hearing.deadline(resident, at, this.#seq, this.now))
            this.#step(resident, { type: 'deadline', at, rules: facts.rules })
          continue
        } catch (error) {
          parking.add(id, arrived, error as Error)
        }
      }
      wheel.set(id, null)
    }
  }

  /** Events that answer an effect count while that is in the outbox, which it leaves with them. */
  #receive(id: string, kind: ActorKind, arrived: Parked): void {
    const { facts, names, outbox, parking, residents, unprepared } = this.#parts
    const { event, isOpen } = arrived
    if (isOpen && !outbox.counts(event)) return
    if (parking.has(id)) {
      parking.add(id, arrived)
      return
    }
    try {
      refuse(unprepared.get(event))
      const resident = residents.get(id)
      const read = kind.read?.(event) ?? event
      if (kind.pulse) names.share(read)
      this.#step(resident, kind.receive(read, resident.snapshot.context, facts), event)
    } catch (error) {
      parking.add(id, arrived, error as Error)
      return
    }
    if (isOpen) this.#settle(event)
  }

  /** Receives events of one actor at once; where they cannot be, each by itself, so that the one at fault is parked. */
  #receiveAll(id: string, kind: ActorKind, group: Parked[]): void {
    const { facts, parking, residents, unprepared } = this.#parts
    if (group.length > 1 && !parking.has(id)) {
      try {
        for (const { event } of group) refuse(unprepared.get(event))
        const resident = residents.get(id)
        const events = group.map(({ event }) => kind.read?.(event) ?? event)
        this.#step(resident, kind.together!.receive(events, resident.snapshot.context, facts), events.find(hasTrace))
        return
      } catch {
        // The single events say which of them it is, and why.
      }
    }
    for (const arrived of group) this.#receive(id, kind, arrived)
  }

  #settle(event: Event): void {
    const { outbox, projections, claim } = this.#parts
    outbox.take(event)
    const { partition } = claim
    for (const { id, ...fields } of outbox.takeDropped()) {
      const facts = { partition, lane: laneOf(partition, fields.kind), state: 'dropped', doneAt: this.now }
      projections.upsert('effects', id, { ...fields, ...facts })
    }
  }

  #unpark({ actor, kind }: Event): void {
    const { outbox, parking, residents, takerOf, wheel } = this.#parts
    const id = String(actor)
    const parked = parking.take(id)
    const dropped = kind === 'parked.drop' ? parked.shift() : undefined
    // An answer that nobody could take is asked for again: without one the actor would wait for ever.
    if (dropped?.isOpen) outbox.renew(String(dropped.event.effect))
    for (const { error: _error, ...arrived } of parked) {
      const taker = takerOf(arrived.event)
      if (taker) this.#receive(id, taker, arrived)
    }
    if (residents.has(id)) wheel.set(id, residents.get(id).snapshot.context.deadline)
  }

  /** A transition with all that follows from it. All that may throw comes before the first change. */
  #step(resident: Resident, event: { type: string; [fact: string]: unknown }, cause?: Event): void {
    const { counters, population, projections, residents, tap, wheel } = this.#parts
    const { kind, key, snapshot: former } = resident
    const { snapshot, said } = residents.transitions.step({ kind, snapshot: former }, event)
    const [before, after] = [former.context, snapshot.context]
    const changes = new Changes()
    if (before !== after) {
      kind.project(before, after, key, changes)
      kind.tally?.(before, after, key, event, changes)
    }
    for (const { type } of said) kind.remarks?.[type]?.(changes)
    this.hearing.project(resident)
    changes.apply(projections, counters)
    if (snapshot !== former) {
      population.moved(resident, former, snapshot)
      resident.snapshot = snapshot
      residents.touch(resident, this.#seq, this.now)
    }
    if (before.deadline !== after.deadline) wheel.set(resident.id, after.deadline)
    for (const each of said) if (!kind.remarks?.[each.type]) this.#ask(resident, each, cause)
    tap?.stepped(resident, former, event, said, { seq: this.#seq, at: this.now }, this.#said.get(resident.id) ?? 0)
  }

  #ask(resident: Resident, { type, ...payload }: Said, cause: Event | undefined): void {
    const index = this.#said.get(resident.id) ?? 0
    this.#said.set(resident.id, index + 1)
    const name = { id: `${resident.id}:${this.#seq}:${index}`, kind: type, actor: resident.id, seq: this.#seq, index }
    this.#parts.outbox.add({ ...name, at: this.now, payload, ...traceIn(cause?.traceparent) })
  }
}

function refuse(error: Error | undefined): void {
  if (error) throw error
}

import type { Event } from '../../actors/event.ts'
import { type ActorKind, actorId, type Facts, splitId } from '../../actors/index.ts'
import type { AudienceCounters } from '../audience/counters.ts'
import type { CheckpointStore, Claim, RecordKey } from '../checkpoint/index.ts'
import type { Entry } from '../log/index.ts'
import { type EntryRows, runsOf } from '../log/rows-entry.ts'
import { named } from './changes.ts'
import type { Clock } from './clock.ts'
import type { Deadlines } from './deadlines.ts'
import type { Hearers } from './hearers.ts'
import { isUnparking, type Parking } from './parking.ts'
import type { Resident } from './resident.ts'
import type { Residents } from './residents.ts'
import { changedBy } from './rules.ts'
import type { Wheel } from './wheel.ts'

/** The parts of a partition that know what entries need. */
interface Needs {
  claim: Claim
  clock: Clock
  counters: AudienceCounters
  deadlines: Deadlines
  facts: Facts
  hearers: Hearers
  parking: Parking
  residents: Residents
  wheel: Wheel
  /** why nothing could be prepared for an event, or for the deadline of an actor; that is what it is parked with */
  unprepared: Map<Event | string, Error>
  takerOf(event: { kind: string; effect?: unknown }): ActorKind | undefined
}

/** An actor and what it is about to be told; `of` is the event as it came, or the actor whose deadline it is. */
interface Wanted {
  kind: string
  key: string
  on: Event | { deadline: number } | null
  /** with the rules that will hold then */
  facts: Facts
  of: Event | string
}

/** A tick, with the rules that will hold then. */
interface Tick {
  at: number
  facts: Facts
}

/** Loads what the entries need. Nothing may be evicted until they are applied. */
export async function prepare(partition: Needs, store: CheckpointStore, entries: Entry[]): Promise<void> {
  const { residents, counters, claim, deadlines, unprepared } = partition
  unprepared.clear()
  // A tick fires only deadlines that are there.
  if (entries.some(hasTick)) await deadlines.loaded()
  await reopen(partition, store, entries)
  const wanted = wantedBy(partition, entries)
  await residents.load(wanted)
  const unread = await residents.loadParts(partsFor(partition, wanted))
  for (const { kind, key, of } of unread.size > 0 ? wanted : []) {
    const error = unread.get(actorId(kind, key))
    if (error) unprepared.set(of, error)
  }
  const missing = countersFor(partition, wanted)
  if (missing.length === 0) return
  for await (const { names, value } of store.load(claim, missing)) counters.restore({ names, value })
}

function partsFor({ residents, unprepared }: Needs, wanted: Wanted[]): RecordKey[] {
  const keys: RecordKey[] = []
  for (const { kind, key, on, facts, of } of wanted) {
    if (on === null) continue
    try {
      const resident = residents.get(actorId(kind, key))
      if (!resident.kind.needs) continue
      // A failure of that must not hang on what was committed when.
      const needs = resident.kind.needs(resident.snapshot.context, on, facts)
      if (needs.length === 0) continue
      const parts = needs.map(names => names.map(named))
      if (resident.kept === undefined) continue
      for (const names of parts) keys.push({ space: 'actor', names: [kind, key, ...names] })
    } catch (error) {
      unprepared.set(of, error as Error)
    }
  }
  return keys
}

function countersFor({ residents, counters, unprepared }: Needs, wanted: Wanted[]): RecordKey[] {
  const missing = new Map<string, RecordKey>()
  for (const { kind, key, on, of } of wanted) {
    if (on === null || !('kind' in on)) continue
    try {
      const resident = residents.get(actorId(kind, key))
      for (const names of resident.kind.tallyRecords?.(resident.snapshot.context, on) ?? []) {
        if (!counters.isAtHand(names)) missing.set(names.map(named).join('\n'), { space: 'aggregate', names })
      }
    } catch (error) {
      unprepared.set(of, error as Error)
    }
  }
  return [...missing.values()]
}

/** Actors that are retried or dropped are read anew, and so are those of their events that are not at hand. */
async function reopen({ parking, residents, claim }: Needs, store: CheckpointStore, entries: Entry[]): Promise<void> {
  for (const { actor } of unparkingIn(entries)) {
    const id = String(actor)
    if (parking.reopen(id)) residents.forget(id)
    await parking.fetch(id, store, claim)
  }
}

function unparkingIn(entries: Entry[]): Event[] {
  const found: Event[] = []
  for (const entry of entries) {
    for (const run of runsOf(entry)) {
      if ('beats' in run) continue
      for (const event of run) if (isUnparking(event)) found.push(event)
    }
  }
  return found
}

/** True if all is at hand that an event with these facts needs, which may be a pulse. */
function isPrepared(
  { counters, clock }: Needs,
  { pulse, tallyRecords }: ActorKind,
  resident: Resident | undefined,
  facts: object & { stream?: unknown },
  at: number,
): boolean {
  if (!resident) return false
  const { presences, at: heard, until, rollsAt } = resident
  // A beat from before may be of a window, and one after a long time of a stream, that is not at hand.
  const isAlike = until > 0 && resident.knows(facts) && presences && counters.stillCount(presences, clock.time)
  if (isAlike && ((at > heard && at < until && at < rollsAt) || counters.isWindowAtHand(pulse!.window(at)))) return true
  const { stream } = facts
  // Most are packed, and to unpack one for that costs as much as its pulse.
  if (resident.attends(stream))
    return (stream === null || counters.hasStream(stream as string)) && counters.isWindowAtHand(pulse!.window(at))
  const names = tallyRecords!(resident.context, { stream, at })
  return names.every(each => counters.isAtHand(each))
}

/** True of an actor in memory whose kind has no parts: nothing is to be loaded for its deadline. */
function isDue({ residents }: Needs, id: string): boolean {
  const { kind, key } = splitId(id)
  const resident = residents.find(kind, key)
  return resident !== undefined && !resident.kind.needs
}

/** All who are due at one of these ticks and are not ready for it. */
function wantDue(partition: Needs, ticks: Tick[], wanted: Wanted[]): void {
  const { wheel } = partition
  const last = ticks.reduce((last, { at }) => Math.max(last, at), Number.NEGATIVE_INFINITY)
  // Nearly all are ready, and all who are due before are due at the last.
  const left = new Set(ticks.length === 0 ? [] : wheel.due(last).filter(id => !isDue(partition, id)))
  if (left.size === 0) return
  for (const { at, facts } of ticks) {
    for (const id of wheel.due(at)) {
      if (left.has(id)) wanted.push({ ...splitId(id), on: { deadline: at }, facts, of: id })
    }
  }
}

const hasTick = (entry: Entry): boolean =>
  runsOf(entry).some(run => !('beats' in run) && run.some(({ kind }) => kind === 'tick'))

function wantedBy(partition: Needs, entries: Entry[]): Wanted[] {
  const { takerOf, hearers, parking, residents, unprepared } = partition
  hearers.clear()
  const wanted: Wanted[] = []
  const ticks: Tick[] = []
  /** where, and in which window, an actor that is not in memory is heard by the last row that is wanted */
  const asked = new Map<string, { place: object; window: number }>()
  let { facts } = partition
  const want = (event: Event): void => {
    const kind = takerOf(event)
    if (!kind) return
    const hearer = kind.pulse?.kind === event.kind ? residents.find(kind.kind, event.key) : undefined
    if (isPrepared(partition, kind, hearer, event, event.at)) return
    try {
      wanted.push({ kind: kind.kind, key: event.key, on: kind.read?.(event) ?? event, facts, of: event })
    } catch (error) {
      unprepared.set(event, error as Error)
    }
  }
  const isAsked = ({ pulse }: ActorKind, key: string, place: object, at: number): boolean => {
    const window = pulse!.window(at)
    const former = asked.get(key)
    if (former?.place === place && former.window === window) return true
    asked.set(key, { place, window })
    return false
  }
  const wantRows = ({ beats, from, to }: EntryRows): void => {
    const kind = takerOf(beats)
    for (let row = from; row < to; row++) {
      const key = beats.keys[row]!
      const place = beats.places[row]!
      const at = beats.ats[row]!
      if (!kind?.pulse) {
        want(beats.event(row))
        continue
      }
      const hearer = hearers.find(kind.kind, key)
      if (!isPrepared(partition, kind, hearer, place, at) && !isAsked(kind, key, place, at)) want(beats.event(row))
    }
  }
  const hear = (event: Event): void => {
    if (event.kind === 'rules') facts = { ...facts, rules: changedBy(event, facts.rules) }
    else if (event.kind === 'tick') ticks.push({ at: event.at, facts })
    else if (isUnparking(event)) {
      const id = String(event.actor)
      const events = parking.eventsOf(id)
      if (events.length > 0) wanted.push({ ...splitId(id), on: null, facts, of: id })
      for (const parked of events) want(parked)
    } else want(event)
  }
  for (const entry of entries) {
    for (const run of runsOf(entry)) {
      if ('beats' in run) wantRows(run)
      else for (const event of run) hear(event)
    }
  }
  wantDue(partition, ticks, wanted)
  return wanted
}

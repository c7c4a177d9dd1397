/**
 * The actors: each kind joins a machine to its key, its version, the records it is kept in and the documents it shows.
 * Everything here is pure; the shard that hosts the actors does the rest.
 */
import type { AnyStateMachine } from 'xstate'
import type { RuleChange } from '../machines/day-rules.ts'
import type { PackedViewer, Share } from '../machines/packed-viewer.ts'
import type { Stay } from '../machines/pulse.ts'
import type { Event } from './event.ts'

/** Settings that state is a function of; all but `writeMs` are recorded with the log. */
export interface Rules {
  zone: string
  inactivityMs: number
  /** of zone and inactivity, as the log brought them */
  changes?: readonly RuleChange[]
  gapMs: number
  lateMs: number
  /** how late the end of a viewing session may be in its document; no result is a function of it */
  writeMs?: number
}

/** Facts an event needs beyond itself and its actor: rules, and the partition's state as of the log. */
export interface Facts {
  rules: Rules
  /** ms; partition time, or the event's arrival, if that is later */
  time(): number
  /** A stream is frozen when it no longer counts attendance. */
  isFrozen(stream: string): boolean
  /**
   * The time (ms) up to which documents may know what the checkpoint does not. A partition that found its checkpoint
   * empty over existing documents on May 1 answers May 2: a visit of May 3 is in no document. null: the checkpoint knows all.
   */
  adopts(): number | null
}

/** Where the numbers over all actors of a partition are kept. */
export interface Tally {
  /** a viewer is now here instead of there */
  moved(userId: string, from: Presence | null, to: Presence): void
  /** a viewer's first beat ever (null) or on a stream */
  attended(userId: string, stream: string | null): void
  /** a beat on a stream arrived */
  arrived(stream: string, arrival: number): void
  /** a viewer counts (1), or no longer counts (-1), in a window with these groups and this country */
  counted(window: number, country: string, groups: readonly string[], by: 1 | -1): void
  tooLate(): void
}

export interface Presence {
  /** ms of the newest heartbeat */
  at: number
  /** the stream watched by it, null on any other page */
  stream: string | null
}

/** Changes of documents; the last change of an id counts. */
export interface Projection {
  upsert(collection: string, id: string, set: Record<string, unknown>): void
  remove(collection: string, id: string): void
  /**
   * Tells whoever wants to hear of updates how a document of this actor changes, behind the commit that writes it; the
   * last word on an id counts. Null: it is over, and told of otherwise.
   */
  tell(type: string, actor: string, id: string, facts: object | null): void
}

type Fields = { readonly [field: string]: unknown }

/** Documents of one collection that live sets hold copies of, for other services. */
export interface Copies {
  collection: string
  /** which of them are told of again when the live sets were lost */
  current: Fields
  /** The key of the actor that shows the document. */
  keyOf(document: Fields): string
  /** The document as it is told. */
  shown(document: Fields & { _id: string }): unknown
}

/** A part of an actor that is kept in a record of its own; `value` undefined: the part is gone. */
export interface Part {
  names: string[]
  value: unknown
}

/**
 * Pulses: events of an actor that stays where it was, which is in this state; the last is a time of `presence`. What they
 * lead to, and what is due meanwhile, has to be what the machine would have made of it.
 */
export interface Pulse<C, E extends Event> {
  kind: E['kind']
  state: string
  /**
   * The time (ms) before which events with these facts, which may hold anything, are pulses, none of them more than the
   * rules' `gapMs` after the one before; 0: none is.
   */
  until(facts: object, context: C, rules: Rules): number
  /** True if events with others, which may hold anything, are pulses where those with the facts, which are of a pulse, are. */
  isAlike(facts: object, others: object): boolean
  /** The context after a stay; the very same if it knows of a beat as late. */
  after(context: C, stay: Stay): C
  /** The window whose record counts such an event of that time (ms), and how long each is. */
  window(at: number): number
  windowMs: number
  /** Windows that a stay goes through at most. */
  mostRolls: number
  /** Counts an actor with these facts, which are of a pulse, in a window that is new to it. */
  roll(facts: object, window: number, tally: Tally): void
  /** When it is due again after a deadline that comes at `now` in a stay; 0: the machine has to say. */
  due(stay: Stay, now: number, rules: Rules): number
  /** Writes what a deadline in a stay leads to. */
  write(context: C, stay: Stay, key: string, projection: Projection): void
  /** The context in few bytes, and back; null: it cannot be packed. */
  pack(context: C, share: Share): PackedViewer | null
  unpack(packed: PackedViewer): C
}

/** A kind of actor. Its events come back from the log untyped; with the kind they have the facts they were made with. */
// biome-ignore lint/suspicious/noExplicitAny: kinds differ in their contexts, the shard treats them alike
export interface ActorKind<C = any, E extends Event = Event> {
  kind: string
  machine: AnyStateMachine
  /** of the snapshot as it is kept */
  version: number
  /** from version n to n + 1: `migrations[n]` */
  migrations: Readonly<Record<number, (kept: unknown) => unknown>>
  /** the kinds of event it takes */
  takes: readonly E['kind'][]
  /** An event of the log as this version writes it: with what a former one left out. Throws if its facts do not fit. */
  read?(event: Event): E
  /** The machine's event for an event of the log. */
  receive(event: E, context: C, facts: Facts): { type: string }
  /** Events of a kind that are received at once where an entry holds several of an actor, with no other of it between. */
  together?: { kind: E['kind']; receive(events: readonly E[], context: C, facts: Facts): { type: string } }
  /** The parts (name prefixes) that must be at hand before the event or the deadline is applied; a kind without this needs none. */
  needs?(context: C, on: E | { deadline: number }, facts: Facts): string[][]
  /** The context without its parts. */
  head(context: C): unknown
  /** The parts that differ. */
  parts(before: C, after: C): Part[]
  /** The context with a part that was loaded. */
  withPart(context: C, part: Part): C
  /** The context without parts that nobody needs just now. */
  slim(context: C): C
  project(before: C, after: C, key: string, projection: Projection): void
  tally?(before: C, after: C, key: string, event: { type: string }, tally: Tally): void
  /** Names of the tally's records that must be at hand before the event is applied. */
  tallyRecords?(context: C, facts: { [fact: string]: unknown }): string[][]
  /** Where the actor was last; while it may be alive it has a deadline, by which it is found again after a restart. */
  presence?(context: C): Presence | null
  /** Events of which most find the actor where it stays; these are taken without a transition. */
  pulse?: Pulse<C, E>
  /** The latest run of heartbeats. */
  viewing?(context: C): { start: number; end: number } | null
  /** The streams that it is counted on, as far as they still count; null: it was never anywhere. */
  attended?(context: C): readonly string[] | null
  /** Emitted events that are for the tally alone; all others are effects. */
  remarks?: Readonly<Record<string, (tally: Tally) => void>>
  /**
   * Effects without whose answers its events do not show. Such an effect is never given up, and no position from its
   * entry on is readable until it is answered: from the entry `since` on, if its payload names an earlier one.
   */
  holds?: readonly string[]
  copies?: readonly Copies[]
}

// An id that is joined is one text; of two that are added V8 would keep both beside what they come to.
export const actorId = (kind: string, key: string): string => [kind, key].join('/')

/** The field by which actors of one kind are found by their state, in the order of their keys. */
export const listedAt = (kind: string, state: string, key: string): string => `${kind}/${state}/${key}`

export function splitId(id: string): { kind: string; key: string } {
  const slash = id.indexOf('/')
  return { kind: id.slice(0, slash), key: id.slice(slash + 1) }
}

/**
 * The shard: a worker thread that owns partitions, reads the log, runs the actors, commits, projects, performs.
 * This is its control plane; events never cross it.
 */
import type { Audience, AudienceCount } from '../audience/sum.ts'
import type { Place, Waiting } from '../effects/outbox.ts'
import type { Frame } from '../inspect/frame.ts'
import type { Seq } from '../log/index.ts'
import type { Reading } from '../observe/meter.ts'
import type { Work } from '../observe/work.ts'
import type { List, ListQuery } from '../partition/listing.ts'
import type { ParkedEvents } from '../partition/parking.ts'
import type { PersistedSnapshot } from '../partition/transitions.ts'
import type { RecomputationProgress, RecomputationRequest } from '../recomputation/index.ts'

export interface ActorView {
  kind: string
  key: string
  partition: number
  /** the last entry of its partition that is in the state */
  seq: Seq
  /** undefined: no event has come for it */
  snapshot: PersistedSnapshot | undefined
}

/** An actor as it is looked at, and where it is. */
export interface ActorPlace extends ActorView {
  owner: string
  epoch: number
  cut: Seq
  /** it is in memory */
  isAwake: boolean
  /** the edge it took last; null where nobody watched */
  edge: string | null
}

/** Frames that a watch saw since it was last asked. */
export interface Watched {
  frames: Frame[]
  /** frames before these that are gone; null: the watch began anew, and nobody knows how many */
  lost: number | null
  /** where to go on */
  next: string
}

/** How many actors of a kind are in which state, and how often each edge was taken in the last minute. */
export interface PopulationView {
  states: Record<string, number>
  edges: Record<string, number>
  /** ms since the epoch; from here on edges are counted */
  since: number
}

export interface PartitionStatus {
  partition: number
  epoch: number
  applied: Seq
  cut: Seq
  /** ms; of the last commit; null: none was since the claim */
  committedAt: number | null
  /** not known to be done; for how long the oldest of those that wait has, if any does */
  effects: { waiting: number; parked: number; oldestMs: number | null }
  /** events */
  parked: number
  /** web sessions that began in the last minute */
  webSessions: number
  /** ms; by the clock of the ticks */
  now: number
  /** the entry up to which it is replayed before it shows its state; 0: not claimed yet */
  replayUntil: Seq
  /** why it does not go on, or not yet */
  stopped: { code: string; message: string } | null
  /** actors that take nothing more, since too much of theirs is parked */
  full: string[]
  /** long work under way in it */
  work: Work[]
}

/** A field that is not given is not asked for. */
export interface EffectQuery {
  actor?: string | undefined
  state?: string | undefined
  /** only those that are listed behind this place */
  before?: Place | undefined
}

/** The metrics of a shard's thread. */
export interface Measured {
  /** of the thread: another one counts from 0 on */
  run: string
  readings: Reading[]
}

export interface ShardControl {
  /** Resolves when each partition is claimed, or cannot be. */
  claimed(): Promise<void>
  /** Resolves when the partition's entries up to `seq` are applied, committed and readable; commits at once. RC_WAIT_TIMEOUT. */
  settled(partition: number, seq: Seq, withinMs: number): Promise<void>
  /** In all, and on every stream with a beat in the last 24 h. */
  audience(): Promise<Audience>
  audienceOf(stream: string): Promise<AudienceCount>
  /** Users alive on a stream, as of the last commits; null while that is not known. */
  alive(stream: string): Promise<string[] | null>
  actor(partition: number, kind: string, key: string): Promise<ActorPlace>
  /**
   * The frames of an actor after a place, null at first, as soon as there are any, or none after `withinMs`. It is watched
   * from the first question on, until nobody has asked for 30 s. RC_TOO_MANY_WATCHED.
   */
  watch(partition: number, kind: string, key: string, after: string | null, withinMs: number): Promise<Watched>
  /** Actors of all partitions; passive ones are among them as far as a look finds them. */
  listed(query: ListQuery, limit: number): Promise<List>
  /** RC_NOT_READY while they are counted for the first time. */
  population(kind: string): Promise<PopulationView>
  parked(): Promise<({ partition: number } & ParkedEvents)[]>
  /** Effects that are not done, newest first, no more than asked for. */
  effects(query: EffectQuery, limit: number): Promise<Waiting[]>
  status(): Promise<PartitionStatus[]>
  measured(): Promise<Measured>
  /** Begins a recomputation of the partition, or looks at it again: answers when it has ended, or after a second. */
  recompute(partition: number, request: RecomputationRequest): Promise<RecomputationProgress>
  /** Ends the thread without another write, and never answers. */
  crash(): Promise<void>
  /** Reads no more, commits what was read, closes its stores. */
  drain(): Promise<void>
}

/**
 * Live sets: copies of who is alive, and for other services of who attended and of what actors are. The counts come from
 * the partitions' own counters; these sets may be behind, lost and rebuilt.
 */
import type { Presence } from '../../actors/index.ts'
import type { Seq } from '../log/index.ts'

export interface ViewerPresence extends Presence {
  userId: string
}

/** A viewer's latest run of heartbeats, ms. */
export interface ViewingSession {
  userId: string
  start: number
  end: number
}

/** A streamer's session as it was when the partition was at `seq`. */
export interface SessionSnapshot {
  key: string
  seq: Seq
  json: string
}

/** The first time of a viewer on a stream, or (null) at all. */
export type Attended = [stream: string | null, userId: string]

/** A stream somebody was on, and for how long (ms) it goes on to count who attends if nobody comes. */
export type StreamNews = [stream: string, leftMs: number]

/** An actor's snapshot, by the id of its document. */
export interface ActorSnapshot {
  id: string
  document: Readonly<Record<string, unknown>>
}

/** The cuts that news are of: those after `from`, up to `to`. */
export interface Cuts {
  from: Seq
  to: Seq
}

/** For other services. */
export interface OtherNews {
  streams?: StreamNews[]
  viewing?: ViewingSession[]
  snapshots?: SessionSnapshot[]
  actors?: ActorSnapshot[]
}

/** A part of what a partition holds. */
export interface LiveContent extends OtherNews {
  present?: ViewerPresence[]
  attended?: Attended[]
}

/** Some of what the partition published is not in the sets: its owner must rebuild it. */
export class LiveSetsLost extends Error {
  override name = 'LiveSetsLost'
  readonly code = 'RC_LIVE_SETS_LOST'

  constructor(partition: number) {
    super(`The live sets do not hold all of partition ${partition}.`)
  }
}

/** `Unknown` is null where the sets can be lost, which readers must tell from nobody. */
export interface LiveSets<Unknown extends null = never> {
  /** Others see them; sets that nobody else can see pass over what is for other services, and need not be told. */
  readonly isShared: boolean
  /**
   * Takes the newest beats of viewers of one partition, and who attended for the first time. Repeating it changes
   * nothing. LiveSetsLost after any that failed, until the partition is rebuilt; and where the sets do not hold who
   * attended up to the cut from which these are news.
   */
  publish(
    partition: number,
    present: ViewerPresence[],
    attended: Attended[],
    other?: OtherNews,
    cuts?: Cuts,
  ): Promise<void>
  /**
   * Makes the partition whole. `source` must tell of all who are alive when it is read, which is after the call: what
   * is published from the call on is taken. If it fails the partition is not whole; only its owner may call it. From
   * then on the sets hold who attended up to `cut`: to that end the source tells of all, or of those since a cut up to
   * which `holds` said yes.
   */
  rebuild(partition: number, source: AsyncIterable<LiveContent> | Iterable<LiveContent>, cut?: Seq): Promise<void>
  /** The sets hold who attended in the partition up to this cut; as soon as one of them is gone, they don't. */
  holds(partition: number, cut: Seq): Promise<boolean>
  /** A partition is current when the sets hold all that it published. To be asked now and then: an idle one meets no LiveSetsLost. */
  isCurrent(partition: number): Promise<boolean>
  /** Users whose newest beat is at or after `since`, in all or on one stream. */
  alive(since: number, stream?: string): Promise<string[] | Unknown>
  close(): Promise<void>
}

/**
 * Live sets: copies of who is alive and who attended, by name. The counts come from the partitions' own counters;
 * these sets may be behind, lost and rebuilt.
 */
import type { Presence } from '../../actors/index.ts'

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
  seq: number
  json: string
}

/** For other services; sets in memory, which those cannot see, pass over it. */
export interface OtherNews {
  viewing?: ViewingSession[]
  snapshots?: SessionSnapshot[]
}

/** A part of what a partition holds. */
export interface LiveContent extends OtherNews {
  present?: ViewerPresence[]
  attended?: [stream: string, userId: string][]
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
  /**
   * Takes the newest beats of viewers of one partition and the (stream, viewer) pairs that attended for the first time.
   * Repeating it changes nothing. LiveSetsLost after any that failed, until the partition is rebuilt.
   */
  publish(
    partition: number,
    present: ViewerPresence[],
    attended: [stream: string, userId: string][],
    other?: OtherNews,
  ): Promise<void>
  /**
   * Makes the partition whole. `source` must tell of all who are alive when it is read, which is after the call: what
   * is published from the call on is taken. If it fails the partition is not whole; only its owner may call it.
   */
  rebuild(partition: number, source: AsyncIterable<LiveContent> | Iterable<LiveContent>): Promise<void>
  /** A partition is current when the sets hold all that it published. To be asked now and then: an idle one meets no LiveSetsLost. */
  isCurrent(partition: number): Promise<boolean>
  /** Users whose newest beat is at or after `since`, in all or on one stream. */
  alive(since: number, stream?: string): Promise<string[] | Unknown>
  /** Distinct users seen on a stream since the sets began, while anybody came in the last 24 h. */
  attendance(stream: string): Promise<number | Unknown>
  close(): Promise<void>
}

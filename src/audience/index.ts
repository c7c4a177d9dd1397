/**
 * Live sets: copies of who is alive and who attended, by name. The counts come from the partitions' own counters;
 * these sets may be behind, lost and rebuilt.
 */
import type { Presence } from '../../actors/index.ts'

export interface ViewerPresence extends Presence {
  userId: string
}

export interface LiveSets {
  /** Takes the newest beats of viewers of one partition and the (stream, viewer) pairs that attended for the first time. Repeating it changes nothing. */
  publish(partition: number, present: ViewerPresence[], attended: [stream: string, userId: string][]): Promise<void>
  /** Users whose newest beat is at or after `since`, in all or on one stream. */
  alive(since: number, stream?: string): Promise<string[]>
  /** Distinct users seen on a stream, while anybody came in the last 24 h. */
  attendance(stream: string): Promise<number>
  close(): Promise<void>
}

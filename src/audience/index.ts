/**
 * Live sets: copies, for other services, of who is alive and who attended. The shard's own counters answer
 * Rollcall's reads; these sets may be behind, lost and rebuilt.
 */
export interface Presence {
  userId: string
  /** ms of the newest heartbeat */
  at: number
  /** the stream watched by it, null on any other page */
  stream: string | null
}

export interface LiveSets {
  /** Takes the newest beats of viewers of one partition and the (stream, viewer) pairs that attended for the first time. Repeating it changes nothing. */
  publish(partition: number, present: Presence[], attended: [stream: string, userId: string][]): Promise<void>
  /** Users whose newest beat is at or after `since`, in all or on one stream. */
  alive(since: number, stream?: string): Promise<string[]>
  /** Distinct users ever seen, in all (`stream` undefined) or on one stream. */
  attendance(stream?: string): Promise<number>
  close(): Promise<void>
}

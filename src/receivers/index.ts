/**
 * Livestream: what follows when a streamer's session starts. Each receiver handles one effect kind; performing it
 * again must not show. The session's name and the rating it brings along are the transition's own
 * (`machines/session.ts`, `machines/rating.ts`).
 */
import type { Event } from '../../actors/event.ts'
import type { DocumentStore } from '../documents/index.ts'
import type { FeedGroup } from '../feeds/groups.ts'
import type { Channels, Outputs, Push } from '../notify/index.ts'

/** What there is once in a process, however many shards. */
export interface Host {
  /** Runs a feed's aggregations, with the number of viewers of just now, and stores what they find. */
  generateFeed(feed: string, generation: number): Promise<Generated>
  /** Drops what is known about who may subscribe to the streamer's channels, and finds it out anew. */
  renewChannels(streamerId: string): Promise<void>
}

export interface Generated {
  /** ms since the epoch */
  generatedAt: number
  items: number
}

/** What receivers work with. */
export interface World {
  documents: DocumentStore
  channels: Channels
  push: Push
  outputs: Outputs
  host: Host
  groups: readonly FeedGroup[]
  /** resolves when the log has them */
  append(events: Event[]): Promise<unknown>
  now(): number
}

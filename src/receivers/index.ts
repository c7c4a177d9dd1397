/**
 * Receivers: what follows when a streamer's session starts. Each handles one effect kind; performing it again must not
 * show. The session's name and the rating it brings along are the transition's own
 * (`machines/session.ts`, `machines/rating.ts`).
 */
import type { Event } from '../../actors/event.ts'
import type { DocumentStore } from '../documents/index.ts'
import type { FeedGroup } from '../feeds/groups.ts'
import type { FeedGenerator } from '../feeds/index.ts'
import type { Channels, Outputs, Push } from '../notify/index.ts'
import type { Time } from '../time.ts'

/** What there is once in a process, however many shards. */
export interface Host extends FeedGenerator {
  /** Drops what is known about who may subscribe to the streamer's channels, and finds it out anew. */
  renewChannels(streamerId: string): Promise<void>
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
  time: Time
}

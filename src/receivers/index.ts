/**
 * Receivers: all that follows outside of an actor when its machine says something. Each handles one effect kind, and
 * performing it again must not show; `table.ts` has one for all that is said.
 */
import type { Event } from '../../actors/event.ts'
import type { DocumentStore } from '../documents/index.ts'
import type { FeedGroup } from '../feeds/groups.ts'
import type { FeedGenerator } from '../feeds/index.ts'
import type { Channels, Outputs, Push } from '../notify/index.ts'
import type { Steps } from '../observe/steps.ts'
import type { Time } from '../time.ts'

/** The parts that a process has once, however many shards. */
export interface Host extends FeedGenerator {
  /** Drops what is known about who may subscribe to the streamer's channels, and finds it out anew. */
  renewChannels(streamerId: string): Promise<void>
}

/** All that receivers work with. */
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
  steps?: Steps | undefined
}

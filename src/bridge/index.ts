/**
 * The bridge: the way in and out over HTTP and NATS. Input is validated, stamped with facts, appended; a 202 means the
 * log has it.
 * Reads come from documents, live numbers from the owner of the partitions, which may be another process.
 */
import type { DocumentStore } from '../documents/index.ts'
import type { FeedGroup } from '../feeds/groups.ts'
import type { Append } from '../log/append.ts'
import type { PusherSettings } from '../notify/pusher.ts'
import type { Faults } from '../observe/index.ts'
import type { OwnerDirectory } from '../ownership/directory.ts'
import type { Time } from '../time.ts'
import type { Callers } from './callers.ts'
import type { Intake } from './intake.ts'
import type { Stamp } from './stamp.ts'
import type { StreamerSessions } from './streamer-sessions.ts'
import type { Subscriptions } from './subscriptions.ts'

/** The settings of the way in. */
export interface BridgeSettings {
  partitions: number
  /** requests a minute of one user, where callers have tokens; services have no limit */
  rateLimit: number
  /** header of the edge that tells a visitor's country */
  countryHeader: string | null
  /** what a session costs in each preset */
  prices: { preview: number; sd: number }
  feeds: { groups: readonly FeedGroup[] }
  /** null: nobody is asked to let users subscribe */
  pusher: PusherSettings | null
}

/** The parts that both doors and their routes work with. */
export interface Bridge {
  settings: BridgeSettings
  /** null: dev mode, in which everybody may do everything */
  callers: Callers | null
  append: Append
  intake: Intake
  stamp: Stamp
  documents: DocumentStore
  directory: OwnerDirectory
  subscriptions: Subscriptions
  streamers: StreamerSessions
  time: Time
  /** hears of errors whose cause no caller is told */
  faults: Faults
}

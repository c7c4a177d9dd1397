/**
 * The bridge: the way in and out over HTTP and NATS. Input is validated, stamped with facts, appended; a 202 means the
 * log has it.
 * Reads come from documents, live numbers from the owner of the partitions, which may be another process.
 */
import type { Logger } from 'pino'
import type { DocumentStore } from '../documents/index.ts'
import type { FeedGroup } from '../feeds/groups.ts'
import type { Append } from '../log/append.ts'
import type { PusherSettings } from '../notify/pusher.ts'
import type { Exposition } from '../observe/exposition.ts'
import type { Faults } from '../observe/index.ts'
import type { Servers } from '../observe/servers.ts'
import type { Works } from '../observe/work.ts'
import type { OwnerDirectory } from '../ownership/directory.ts'
import type { Pasts } from '../past/index.ts'
import type { Time } from '../time.ts'
import type { Callers } from './callers.ts'
import type { Intake, IntakeOptions } from './intake.ts'
import type { Limits, Rates } from './limits.ts'
import type { Looks } from './looks.ts'
import type { Refusals } from './refusals.ts'
import type { Stamp } from './stamp.ts'
import type { StreamerSessions } from './streamer-sessions.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { Turns } from './turns.ts'

/** The settings of the way in. */
export type BridgeSettings = IntakeOptions['settings'] & {
  partitions: number
  /** what a user may send in a minute, where callers have tokens */
  rates: Rates
  /** of pages that may ask, as browsers write them */
  origins: readonly string[]
  /** header of the edge that tells a visitor's country */
  countryHeader: string | null
  /** what a session costs in each preset */
  prices: { preview: number; sd: number }
  feeds: { groups: readonly FeedGroup[]; excludedTags: readonly string[]; items: number }
  /** null: nobody is asked to let users subscribe */
  pusher: PusherSettings | null
  /** by which alone who asks for the figures is let in; null: it has to be an operator */
  metricsToken: string | null
  /** kinds of actor whose snapshots are documents */
  snapshots: readonly string[]
}

/** The parts that both doors and their routes work with. */
export interface Bridge {
  settings: BridgeSettings
  /** null: dev mode, in which everybody may do everything */
  callers: Callers | null
  append: Append
  limits: Limits
  turns: Turns
  intake: Intake
  stamp: Stamp
  documents: DocumentStore
  directory: OwnerDirectory
  pasts: Pasts
  /** long work of this process, beside that of the partitions */
  works: Works
  looks: Looks
  subscriptions: Subscriptions
  streamers: StreamerSessions
  time: Time
  refusals: Refusals
  /** the figures of the process */
  exposition: Exposition
  /** the servers under this process */
  servers: Pick<Servers, 'away'>
  /** hears of errors whose cause no caller is told */
  faults: Faults
  /** hears of the acts of operators */
  logger: Pick<Logger, 'info' | 'warn'>
}

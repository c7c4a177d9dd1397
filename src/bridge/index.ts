/**
 * The bridge: the way in and out over HTTP. It validates, stamps facts, appends; a 202 means the log has it.
 * Reads come from documents, live numbers from the owner of the partitions, which may be another process.
 */
import type { Config } from '../config.ts'
import type { DocumentStore } from '../documents/index.ts'
import type { Append } from '../log/append.ts'
import type { Partitions } from '../ownership/directory.ts'
import type { Callers } from './callers.ts'
import type { Stamp } from './stamp.ts'
import type { Streamers } from './streamer-sessions.ts'
import type { Subscriptions } from './subscriptions.ts'

/** What the routes work with. */
export interface Bridge {
  config: Config
  /** null: dev mode, in which everybody may do everything */
  callers: Callers | null
  append: Append
  stamp: Stamp
  documents: DocumentStore
  partitions: Partitions
  subscriptions: Subscriptions
  streamers: Streamers
  now(): number
  /** an error whose cause no caller is told */
  failed(error: unknown): void
}

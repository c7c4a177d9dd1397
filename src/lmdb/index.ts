/** LMDB: how its environments are opened, so that all threads and processes that share one open it alike. */
import { open, type RootDatabase, type RootDatabaseOptionsWithPath } from 'lmdb'

/** Two of them are missing in the types of LMDB. */
type Options = Omit<RootDatabaseOptionsWithPath, 'path'> & { useRecords?: boolean; batchStartThreshold?: number }

/**
 * State is written by threads that may end at any moment. Once LMDB has begun to write a turn that is still being
 * enqueued, such a thread keeps the write lock for ever: hence a threshold that no turn reaches.
 */
const STATE: Options = { maxDbs: 8, noMemInit: true, batchStartThreshold: Number.POSITIVE_INFINITY }

export const openLogEnvironment = (path: string, options: Options = {}): RootDatabase =>
  open({ path, maxDbs: 4, compression: false, ...options })

export const openStateEnvironment = (path: string, options: Options = {}): RootDatabase =>
  open({ path, ...STATE, ...options })

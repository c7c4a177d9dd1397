/** LMDB: how its environments are opened, so that all threads and processes that share one open it alike. */
import { mkdirSync } from 'node:fs'
import { open, type RootDatabase, type RootDatabaseOptionsWithPath } from 'lmdb'

/** Some of them are missing in the types of LMDB. */
type Options = Omit<RootDatabaseOptionsWithPath, 'path'> & {
  useRecords?: boolean
  batchStartThreshold?: number
  permissionsMode?: number
}

/**
 * State is written by threads that may end at any moment. Once LMDB has begun to write a turn that is still being
 * enqueued, such a thread keeps the write lock for ever: hence a threshold that no turn reaches.
 */
const STATE: Options = { maxDbs: 8, noMemInit: true, batchStartThreshold: Number.POSITIVE_INFINITY }

export const openLogEnvironment = (path: string, options: Options = {}): RootDatabase =>
  openPrivate(path, { maxDbs: 4, compression: false, ...options })

export const openStateEnvironment = (path: string, options: Options = {}): RootDatabase =>
  openPrivate(path, { ...STATE, ...options })

/** A range that lets go of its transaction also where a page cannot be read: or nothing else can be, ever after. */
export function* released<T>(range: Iterable<T>): Generator<T> {
  const items = range[Symbol.iterator]()
  try {
    for (let next = items.next(); !next.done; next = items.next()) yield next.value
  } finally {
    items.return?.()
  }
}

/** Nobody but the user of the process can read what it makes. */
function openPrivate(path: string, options: Options): RootDatabase {
  if (!options.readOnly) mkdirSync(path, { recursive: true, mode: 0o700 })
  return open({ path, permissionsMode: 0o600, ...options } as RootDatabaseOptionsWithPath)
}

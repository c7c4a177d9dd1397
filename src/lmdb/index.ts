/** LMDB: how its environments are opened, so that all threads and processes that share one open it alike. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, type Key, open, openAsClass, type RootDatabase, type RootDatabaseOptionsWithPath } from 'lmdb'

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

const LOG: Options = { maxDbs: 4, compression: false }

export const openLogEnvironment = (path: string, options: Options = {}): RootDatabase =>
  openPrivate(path, { ...LOG, ...options })

export const openStateEnvironment = (path: string, options: Options = {}): RootDatabase =>
  openPrivate(path, { ...STATE, ...options })

/**
 * An environment that is there, opened while another process has its write lock; to be called when that has let go, the
 * result gives what closes it.
 */
export function openBesideLock(path: string, name: 'log' | 'state' | 'kept'): () => RootDatabase {
  const options = { path: join(path, name), isRoot: true, permissionsMode: 0o600, ...(name === 'log' ? LOG : STATE) }
  const Root = openAsClass(options as RootDatabaseOptionsWithPath)
  return () => new (Root as unknown as new (name: null, options: Options) => RootDatabase)(null, options)
}

/** A range that lets go of its transaction also where a page cannot be read: or nothing else can be, ever after. */
export function* released<T>(range: Iterable<T>): Generator<T> {
  const items = range[Symbol.iterator]()
  try {
    for (let next = items.next(); !next.done; next = items.next()) yield next.value
  } finally {
    items.return?.()
  }
}

/** The value where LMDB read it, which spares a copy: it is there until the next is read. */
export function inPlace<K extends Key>(table: Database<Buffer, K>, key: K): Buffer | undefined {
  const bytes: Uint8Array | undefined = table.getBinaryFast(key)
  if (bytes === undefined || Buffer.isBuffer(bytes)) return bytes
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Nobody but the user of the process can read what it makes. */
function openPrivate(path: string, options: Options): RootDatabase {
  if (!options.readOnly) mkdirSync(path, { recursive: true, mode: 0o700 })
  return open({ path, permissionsMode: 0o600, ...options } as RootDatabaseOptionsWithPath)
}

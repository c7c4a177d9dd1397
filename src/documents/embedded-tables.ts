/** The databases of documents in LMDB, opened alike by all threads. */
import type { Database } from 'lmdb'
import { isCode, RollcallError } from '../errors.ts'
import { openStateEnvironment } from '../lmdb/index.ts'
import { isPageDamaged } from '../lmdb/readable.ts'
import { seals } from '../lmdb/sealed.ts'
import type { Slabs } from '../lmdb/slabs.ts'
import type { Collection } from './index.ts'
import { documentKey, entriesOf } from './index-entries.ts'
import type { Stored } from './stored.ts'

/** Ids as they lie in an index; a search among those of one value begins at such a text. */
const TEXTS = {
  encode: (text: string): Buffer => Buffer.from(text),
  decode: (bytes: Buffer, end: number | { end: number }): string =>
    bytes.toString('utf8', 0, typeof end === 'number' ? end : end.end),
  writeKey: (text: string, target: Buffer, position: number): number =>
    position + Buffer.from(text).copy(target, position),
}

export interface Tables {
  env: ReturnType<typeof openStateEnvironment>
  /** what is stored, sealed */
  documents: Database<Buffer, Buffer>
  /** ids by their entries */
  indexes: Database<string, Buffer>
}

export function openTables(path: string, options: { readOnly?: boolean } = {}): Tables {
  const env = openStateEnvironment(path, { useRecords: false, ...options })
  const ofEntries = { dupSort: true, keyEncoding: 'binary', encoder: TEXTS } as const
  return {
    env,
    documents: env.openDB<Buffer, Buffer>('documents', {
      useVersions: true,
      keyEncoding: 'binary',
      encoding: 'binary',
    }),
    indexes: env.openDB<string, Buffer>('indexes', ofEntries as object),
  }
}

const { seal, open } = seals(false)

export const sealed = (key: Buffer, stored: Stored, slabs: Slabs): Buffer => seal(key, stored, slabs.take)

/** RC_DOCUMENT_CORRUPT if it is not as it was written. */
export const storedIn = (key: Buffer, bytes: Buffer): Stored =>
  open(key, bytes, () => {
    return new RollcallError('RC_DOCUMENT_CORRUPT', `The document ${nameOf(key)} is not as it was written.`)
  })

/** Reads; RC_DOCUMENT_CORRUPT if LMDB finds that a page which it comes to is damaged. */
export function reading<T>(collection: Collection, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw unreadable(collection, cause)
  }
}

/** The error as it is told of documents. */
export function unreadable(collection: Collection, cause: unknown): unknown {
  if (!isPageDamaged(cause)) return cause
  const text = `Documents of ${collection} cannot be read: ${(cause as Error).message}.`
  return new RollcallError('RC_DOCUMENT_CORRUPT', text, { cause })
}

/** Null if it is not as it was written. */
export function wholeIn(key: Buffer, bytes: Buffer): Stored | null {
  try {
    return storedIn(key, bytes)
  } catch (error) {
    if (!isCode(error, 'RC_DOCUMENT_CORRUPT')) throw error
    return null
  }
}

/** The collection and the id under a key. */
export function nameOf(key: Buffer): string {
  const [collection, term = ''] = key.toString().split('\0', 2) as [string, string?]
  return `${collection}/${term.slice(1)}`
}

/** The collections that are found by more fields than the first version knew, and how often there came more. */
const LATER: readonly [collection: Collection, version: number][] = [['web-sessions', 1]]
const AT_ONCE = 20_000
/** Before the entries of all collections. */
const COMPLETED = Buffer.of(0)

/** Makes the entries that a former version did not; to be called before anything else is read or written. */
export async function completeIndexes(path: string): Promise<void> {
  const { env, documents, indexes } = openTables(path)
  try {
    const done = new Set(indexes.getValues(COMPLETED))
    for (const [collection, version] of LATER) {
      const name = `${collection} ${version}`
      if (done.has(name)) continue
      const end = documentKey(collection, '\u{10ffff}'.repeat(2))
      for (let start = documentKey(collection, ''); ; ) {
        const some = [...documents.getRange({ start, end, limit: AT_ONCE })]
        for (const { key, value } of some) {
          // Damaged, it is not known by what it would be found.
          const { document } = wholeIn(key, value) ?? {}
          for (const entry of document ? entriesOf(collection, document) : []) indexes.put(entry, document!._id)
        }
        await indexes.flushed
        if (some.length < AT_ONCE) break
        start = Buffer.concat([some.at(-1)!.key, Buffer.of(0)])
      }
      await indexes.put(COMPLETED, name)
    }
    await env.flushed
  } finally {
    await env.close()
  }
}

/** The databases of documents in LMDB, opened alike by all threads. */
import type { Database } from 'lmdb'
import { openStateEnvironment } from '../lmdb/index.ts'
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
  documents: Database<Stored, Buffer>
  /** ids by their entries */
  indexes: Database<string, Buffer>
}

export function openTables(path: string): Tables {
  const env = openStateEnvironment(path, { useRecords: false })
  const ofEntries = { dupSort: true, keyEncoding: 'binary', encoder: TEXTS } as const
  return {
    env,
    documents: env.openDB<Stored, Buffer>('documents', { useVersions: true, keyEncoding: 'binary' }),
    indexes: env.openDB<string, Buffer>('indexes', ofEntries as object),
  }
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
        for (const { value } of some)
          for (const entry of value.document ? entriesOf(collection, value.document) : [])
            indexes.put(entry, value.document!._id)
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

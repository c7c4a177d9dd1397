import { isThere } from '../lmdb/readable.ts'
import { openTables, storedIn } from './embedded-tables.ts'
import type { Collection } from './index.ts'
import { documentKey, KEY_BYTES } from './index-entries.ts'
import type { Stored } from './stored.ts'

/** A document as it is held, or the trace of one that was removed, or why it cannot be read. */
export type FoundDocument = { id: string } & (Stored | { error: Error; seq?: never; document?: never })

/** Documents with their seqs, which are only looked at. */
export interface DocumentPeek {
  /** All of a collection, some at a time. */
  all(collection: Collection): AsyncIterable<FoundDocument[]>
  /** Documents that are there, by their ids. */
  some(collection: Collection, ids: string[]): Promise<Map<string, FoundDocument>>
  close(): Promise<void>
}

const READ_AT_ONCE = 500

/** Embedded documents, also while a server has them open. A process that writes them itself says so. */
export function peekAtDocuments(path: string, { readOnly = true } = {}): DocumentPeek {
  if (!isThere(path)) return { async *all() {}, some: async () => new Map(), close: async () => {} }
  const { env, documents } = openTables(path, readOnly ? { readOnly } : {})

  const read = (key: Buffer, prefix: number): FoundDocument | undefined => {
    const id = key.toString('utf8', prefix)
    try {
      const bytes = documents.get(key)
      const stored = bytes && storedIn(key, bytes)
      return stored && { id: stored.document?._id ?? id, ...stored }
    } catch (error) {
      return { id, error: error as Error }
    }
  }

  return {
    async *all(collection) {
      const first = documentKey(collection, '')
      let start = first
      const end = Buffer.concat([first, Buffer.of(0xff)])
      for (;;) {
        env.resetReadTxn()
        const keys = [...(documents?.getKeys({ start, end, limit: READ_AT_ONCE }) ?? [])]
        yield keys.flatMap(key => read(key, first.length) ?? [])
        if (keys.length < READ_AT_ONCE) return
        start = Buffer.concat([keys.at(-1)!, Buffer.of(0)])
      }
    },

    async some(collection, ids) {
      env.resetReadTxn()
      const { length } = documentKey(collection, '')
      const keys = ids.map(id => documentKey(collection, id)).filter(key => documents && key.length <= KEY_BYTES)
      return new Map(keys.flatMap(key => read(key, length) ?? []).map(found => [found.id, found]))
    },

    close: () => env.close(),
  }
}

/** Documents in LMDB, with an entry in an index for each field they can be found by. */
import { openStateEnvironment } from '../lmdb/index.ts'
import { systemTime, type Time } from '../time.ts'
import type { Collection, Document, DocumentStore } from './index.ts'
import { documentKey, entriesOf, KEY_BYTES, type Plan, plan, removalEntry } from './index-entries.ts'
import type { Stored } from './stored.ts'
import { documentsIn, type Table } from './table.ts'

const SCANNED_AT_ONCE = 1_000

export interface EmbeddedDocumentOptions {
  /** of the LMDB environment, which other threads of the process have open as well */
  path: string
  time?: Time
}

const indexed = (collection: Collection, stored: Stored | undefined): Buffer[] => {
  if (stored === undefined) return []
  if (stored.document === undefined) return [removalEntry(collection, stored.removedAt)]
  return entriesOf(collection, stored.document)
}

const without = (entries: Buffer[], others: Buffer[]): Buffer[] =>
  entries.filter(entry => !others.some(other => other.equals(entry)))

export const openDocuments = ({ path, time = systemTime }: EmbeddedDocumentOptions): DocumentStore =>
  documentsIn(tableAt(path), time)

function tableAt(path: string): Table {
  const env = openStateEnvironment(path, { useRecords: false })
  const documents = env.openDB<Stored, Buffer>('documents', { useVersions: true, keyEncoding: 'binary' })
  const indexes = env.openDB<string, Buffer>('indexes', { dupSort: true, keyEncoding: 'binary', encoding: 'string' })
  let closed: Promise<void> | undefined

  const read = (collection: Collection, id: string): Document | undefined => {
    const key = documentKey(collection, id)
    return key.length > KEY_BYTES ? undefined : documents.get(key)?.document
  }

  function* found(collection: Collection, { field, spans }: Plan): Generator<Document> {
    const inOrder = spans.toSorted((one, other) => Buffer.compare(one.start, other.start))
    for (const [i, span] of inOrder.entries()) {
      // Values that are too long for an entry may share one.
      if (inOrder[i - 1]?.start.equals(span.start)) continue
      const within =
        field === '_id'
          ? documents.getRange(span).map(({ value }) => value.document)
          : indexes.getRange(span).map(({ value }) => read(collection, value))
      for (const document of within) if (document !== undefined) yield document
    }
  }

  return {
    refresh: () => env.resetReadTxn(),
    read,

    candidates(collection, filter) {
      const way = plan(collection, filter)
      return { documents: found(collection, way), areById: way.field === '_id' }
    },

    // No callback runs while LMDB writes, so a thread may end at any moment.
    async change(collection, ids, next) {
      const tryOne = (id: string): Promise<boolean> | true => {
        const key = documentKey(collection, id)
        const before = documents.getEntry(key)
        const after = next(before?.value, id)
        if (after === before?.value) return true
        const [old, current] = [indexed(collection, before?.value), indexed(collection, after)]
        const enqueue = () => {
          // No version is used twice, so a document made anew is not taken for the removed one.
          if (after === undefined) documents.remove(key)
          else documents.put(key, after, Math.random())
          for (const entry of without(old, current)) indexes.remove(entry, id)
          for (const entry of without(current, old)) indexes.put(entry, id)
        }
        return before ? documents.ifVersion(key, before.version!, enqueue) : documents.ifNoExists(key, enqueue)
      }
      for (let left = [...new Set(ids)]; left.length > 0; ) {
        env.resetReadTxn()
        const changed = await Promise.all(left.map(tryOne))
        left = left.filter((_, index) => !changed[index])
      }
      await env.flushed
    },

    traces(collection, time, limit) {
      const [start, end] = [removalEntry(collection, 0), removalEntry(collection, time)]
      return indexes.getRange({ start, end, limit }).map(({ value }) => value)
    },

    async *seqs(collection, field) {
      let [{ start, end }] = plan(collection, {}).spans as [Plan['spans'][number]]
      for (;;) {
        env.resetReadTxn()
        const some = [...documents.getRange({ start, end, limit: SCANNED_AT_ONCE })]
        for (const { value } of some) if (value.document) yield [value.document[field], value.seq]
        if (some.length < SCANNED_AT_ONCE) return
        start = Buffer.concat([some.at(-1)!.key, Buffer.of(0)])
      }
    },

    async close() {
      closed ??= env.close()
      await closed
    },
  }
}

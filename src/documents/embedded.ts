/** Documents in LMDB, found by mingo. */
import { open } from 'lmdb'
import type { Seq } from '../log/index.ts'
import { documentKey, entriesOf, KEY_BYTES, plan, removalEntry } from './entries.ts'
import type { Collection, Document, DocumentStore } from './index.ts'

// A tenth of a second of start-up, which not every thread needs.
const mingo = () => import('mingo')

type Fields = Record<string, unknown>

/** A document, or the trace of a removed one, which for an hour keeps older writes from bringing it back. */
type Stored = { seq: Seq; document: Document; removedAt?: never } | { seq: Seq; document?: never; removedAt: number }

const TRACE_MS = 3_600_000
const TRACES_SWEPT_AT_ONCE = 1_000

/** Sets fields in a copy; the objects on the way to a dotted name are copied too, they may be the caller's. */
const assign = (document: Document, set: Fields): Document => {
  const assigned: Document = { ...document }
  for (const [path, value] of Object.entries(set)) {
    if (value === undefined) continue
    const names = path.split('.')
    const last = names.pop()!
    let at: Fields = assigned
    for (const name of names) {
      const inner = Object.hasOwn(at, name) && typeof at[name] === 'object' ? at[name] : {}
      at = at[name] = (Array.isArray(inner) ? [...inner] : { ...inner }) as Fields
    }
    at[last] = value
  }
  return assigned
}

const indexed = (collection: Collection, stored: Stored | undefined): Buffer[] => {
  if (stored === undefined) return []
  if (stored.document === undefined) return [removalEntry(collection, stored.removedAt)]
  return entriesOf(collection, stored.document)
}

const without = (entries: Buffer[], others: Buffer[]): Buffer[] =>
  entries.filter(entry => !others.some(other => other.equals(entry)))

/** Opens the LMDB environment at `path`, which other threads of the process have open as well. */
export const openDocuments = ({ path }: { path: string }): DocumentStore => {
  // Once LMDB has begun to write a turn that is still being enqueued, a thread that ends keeps the write lock for ever.
  const options = { path, maxDbs: 8, noMemInit: true, useRecords: false, batchStartThreshold: Number.POSITIVE_INFINITY }
  const env = open(options)
  const documents = env.openDB<Stored, Buffer>('documents', { useVersions: true, keyEncoding: 'binary' })
  const indexes = env.openDB<string, Buffer>('indexes', { dupSort: true, keyEncoding: 'binary', encoding: 'string' })
  let closed: Promise<void> | undefined

  const read = (collection: Collection, id: string): Document | undefined => {
    const key = documentKey(collection, id)
    return key.length > KEY_BYTES ? undefined : documents.get(key)?.document
  }

  /** Every document the filter can match, and others. To be taken within one turn. */
  function* candidates(collection: Collection, filter: Fields): Generator<Document> {
    env.resetReadTxn()
    const { field, spans } = plan(collection, filter)
    for (const span of spans) {
      const found =
        field === '_id'
          ? documents.getRange(span).map(({ value }) => value.document)
          : indexes.getRange(span).map(({ value }) => read(collection, value))
      for (const document of found) if (document !== undefined) yield document
    }
  }

  /**
   * Lets `next` say what is to be stored in the place of what is, again wherever another writer came between.
   * No callback runs while LMDB writes, so a thread may end at any moment.
   */
  const change = async (
    collection: Collection,
    ids: Iterable<string>,
    next: (stored: Stored | undefined, id: string) => Stored | undefined,
  ): Promise<void> => {
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
  }

  return {
    get: async (collection, id) => {
      env.resetReadTxn()
      return read(collection, id) ?? null
    },
    find: async (collection, { filter = {}, sort = {}, skip = 0, limit = 0 }) => {
      const { Aggregator, Query: Matcher } = await mingo()
      const matcher = new Matcher<Document>(filter)
      const isSorted = Object.keys(sort).length > 0
      const end = limit === 0 ? Number.POSITIVE_INFINITY : skip + limit
      const found: Document[] = []
      for (const document of candidates(collection, filter)) {
        if (!isSorted && found.length === end) break
        if (matcher.test(document)) found.push(document)
      }
      return (isSorted ? new Aggregator([{ $sort: sort }]).run<Document>(found) : found).slice(skip, end)
    },
    aggregate: async (collection, pipeline) => {
      const { Aggregator } = await mingo()
      const collectionResolver = (name: string) => [...candidates(name as Collection, {})]
      const matched = [...candidates(collection, (pipeline[0]?.$match ?? {}) as Fields)]
      return new Aggregator(pipeline, { collectionResolver }).run<Document>(matched)
    },
    upsertMany: async (collection, upserts) => {
      const upsertsOf = Map.groupBy(upserts, upsert => upsert.id)
      await change(collection, upsertsOf.keys(), (stored, id) =>
        upsertsOf.get(id)!.reduce<Stored | undefined>((now, { seq, set }) => {
          if (now !== undefined && now.seq > seq) return now
          return { seq, document: assign(now?.document ?? { _id: id }, set) }
        }, stored),
      )
    },
    removeMany: async (collection, ids, seq) => {
      const now = Date.now()
      const isOld = (stored: Stored | undefined) => (stored?.removedAt ?? now) < now - TRACE_MS
      await change(collection, ids, stored => (stored && stored.seq <= seq ? { seq, removedAt: now } : stored))
      const [start, end] = [removalEntry(collection, 0), removalEntry(collection, now - TRACE_MS)]
      const swept = indexes.getRange({ start, end, limit: TRACES_SWEPT_AT_ONCE }).map(({ value }) => value)
      await change(collection, [...swept], stored => (isOld(stored) ? undefined : stored))
    },
    close: async () => {
      closed ??= env.close()
      await closed
    },
  }
}

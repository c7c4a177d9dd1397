/** Documents in LMDB, found by mingo. */
import { openStateEnvironment } from '../lmdb/index.ts'
import type { Seq } from '../log/index.ts'
import type { Collection, Document, DocumentStore } from './index.ts'
import { documentKey, entriesOf, KEY_BYTES, type Plan, plan, removalEntry } from './index-entries.ts'
import { matcherOf } from './matcher.ts'

// A tenth of a second of start-up, which not every thread needs.
const mingo = () => import('mingo')

type Fields = Record<string, unknown>

/** A document, or the trace of a removed one, which for an hour keeps older writes from bringing it back. */
type Stored = { seq: Seq; document: Document; removedAt?: never } | { seq: Seq; document?: never; removedAt: number }

/** A `$lookup` whose foreign documents an index can find: by equality alone. */
interface Lookup {
  from: Collection
  localField: string
  foreignField: string
  as: string
}

const TRACE_MS = 3_600_000
const TRACES_SWEPT_AT_ONCE = 1_000
const SCANNED_AT_ONCE = 1_000

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

const numberAt = (document: Document, path: string): number | undefined => {
  const step = (at: unknown, name: string) => (at as Fields | null | undefined)?.[name]
  const value = path.split('.').reduce(step, document)
  return typeof value === 'number' ? value : undefined
}

const lookupOf = (stage: Fields): Lookup | undefined => {
  const { from, localField, foreignField, pipeline } = (stage.$lookup ?? {}) as Fields
  const isByEquality = typeof from === 'string' && localField && foreignField && pipeline === undefined
  return isByEquality ? (stage.$lookup as Lookup) : undefined
}

/** By code point, as LMDB has them. */
const byId = (one: Document, other: Document): number => Buffer.compare(Buffer.from(one._id), Buffer.from(other._id))

const indexed = (collection: Collection, stored: Stored | undefined): Buffer[] => {
  if (stored === undefined) return []
  if (stored.document === undefined) return [removalEntry(collection, stored.removedAt)]
  return entriesOf(collection, stored.document)
}

const without = (entries: Buffer[], others: Buffer[]): Buffer[] =>
  entries.filter(entry => !others.some(other => other.equals(entry)))

/** Opens the LMDB environment at `path`, which other threads of the process have open as well. */
export const openDocuments = ({ path }: { path: string }): DocumentStore => {
  const env = openStateEnvironment(path, { useRecords: false })
  const documents = env.openDB<Stored, Buffer>('documents', { useVersions: true, keyEncoding: 'binary' })
  const indexes = env.openDB<string, Buffer>('indexes', { dupSort: true, keyEncoding: 'binary', encoding: 'string' })
  let closed: Promise<void> | undefined

  const read = (collection: Collection, id: string): Document | undefined => {
    const key = documentKey(collection, id)
    return key.length > KEY_BYTES ? undefined : documents.get(key)?.document
  }

  /** What the plan finds, each document once, those found by `_id` in its order. To be taken within one turn. */
  function* candidates(collection: Collection, { field, spans }: Plan): Generator<Document> {
    const inOrder = spans.toSorted((one, other) => Buffer.compare(one.start, other.start))
    for (const [i, span] of inOrder.entries()) {
      // Values that are too long for an entry may share one.
      if (inOrder[i - 1]?.start.equals(span.start)) continue
      const found =
        field === '_id'
          ? documents.getRange(span).map(({ value }) => value.document)
          : indexes.getRange(span).map(({ value }) => read(collection, value))
      for (const document of found) if (document !== undefined) yield document
    }
  }
  const candidatesFor = (collection: Collection, filter: Fields): Document[] => [
    ...candidates(collection, plan(collection, filter)),
  ]

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

  /** Lets go of traces that are older than an hour: more at once than the caller has left. */
  const sweep = async (collection: Collection, now: number, left: number): Promise<void> => {
    const isOld = (stored: Stored | undefined) => (stored?.removedAt ?? now) < now - TRACE_MS
    const [start, end] = [removalEntry(collection, 0), removalEntry(collection, now - TRACE_MS)]
    const limit = left + TRACES_SWEPT_AT_ONCE
    const swept = indexes.getRange({ start, end, limit }).map(({ value }) => value)
    await change(collection, [...swept], stored => (isOld(stored) ? undefined : stored))
  }

  return {
    get: async (collection, id) => {
      env.resetReadTxn()
      return read(collection, id) ?? null
    },
    find: async (collection, { filter = {}, sort = {}, skip = 0, limit = 0 }) => {
      const { Aggregator, Query } = await mingo()
      const matches = matcherOf(filter, Query)
      const way = plan(collection, filter)
      const fields = Object.keys(sort)
      const isById = fields.length === 1 && sort._id === 1
      const isInOrder = fields.length === 0 || (isById && way.field === '_id')
      const end = limit === 0 ? Number.POSITIVE_INFINITY : skip + limit
      const found: Document[] = []
      env.resetReadTxn()
      for (const document of candidates(collection, way)) {
        if (matches(document) && found.push(document) === end && isInOrder) break
      }
      if (isInOrder) return found.slice(skip)
      const sorted = isById ? found.sort(byId) : new Aggregator([{ $sort: sort }]).run<Document>(found)
      return sorted.slice(skip, end)
    },
    aggregate: async (collection, pipeline) => {
      const [{ Aggregator }, { resolve }] = await Promise.all([mingo(), import('mingo/util')])
      const everything = (name: string) => candidatesFor(name as Collection, {})
      const run = (stages: Fields[], over: Document[], collectionResolver = everything) =>
        new Aggregator(stages, { collectionResolver }).run<Document>(over)
      env.resetReadTxn()
      let reached = candidatesFor(collection, (pipeline[0]?.$match ?? {}) as Fields)
      let next = 0
      for (const [i, stage] of pipeline.entries()) {
        const lookup = lookupOf(stage)
        if (lookup === undefined) continue
        reached = run(pipeline.slice(next, i), reached)
        const wanted = new Set(reached.flatMap(document => resolve(document, lookup.localField) ?? null))
        const joined = candidatesFor(lookup.from, { [lookup.foreignField]: { $in: [...wanted] } })
        // For an element of a list that matches nothing, mingo finds undefined.
        reached = run([stage], reached, () => joined).map(document => ({
          ...document,
          [lookup.as]: (document[lookup.as] as unknown[]).filter(found => found !== undefined),
        }))
        next = i + 1
      }
      return run(pipeline.slice(next), reached)
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
      await change(collection, ids, stored => (stored && stored.seq <= seq ? { seq, removedAt: now } : stored))
      await sweep(collection, now, ids.length)
    },
    removeWhere: async (collection, filter) => {
      const { Query } = await mingo()
      const matches = matcherOf(filter, Query)
      const now = Date.now()
      const removed = new Set<string>()
      env.resetReadTxn()
      const matched = candidatesFor(collection, filter).filter(matches)
      const ids = matched.map(({ _id }) => _id)
      await change(collection, ids, (stored, id) => {
        removed.delete(id)
        if (stored?.document === undefined || !matches(stored.document)) return stored
        removed.add(id)
        return { seq: stored.seq, removedAt: now }
      })
      await sweep(collection, now, ids.length)
      return removed.size
    },
    patchMany: async (collection, guard, patches) => {
      const patchesOf = Map.groupBy(patches, patch => patch.id)
      await change(collection, patchesOf.keys(), (stored, id) =>
        patchesOf.get(id)!.reduce<Stored | undefined>((now, { set }) => {
          if (now?.document === undefined) return now
          const own = numberAt(now.document, guard)
          if (own !== undefined && own >= (set[guard] as number)) return now
          return { seq: now.seq, document: assign(now.document, set) }
        }, stored),
      )
    },
    seqs: async function* (collection, field) {
      let [{ start, end }] = plan(collection, {}).spans as [Plan['spans'][number]]
      for (;;) {
        env.resetReadTxn()
        const some = [...documents.getRange({ start, end, limit: SCANNED_AT_ONCE })]
        for (const { value } of some) if (value.document) yield [value.document[field], value.seq]
        if (some.length < SCANNED_AT_ONCE) return
        start = Buffer.concat([some.at(-1)!.key, Buffer.of(0)])
      }
    },
    close: async () => {
      closed ??= env.close()
      await closed
    },
  }
}

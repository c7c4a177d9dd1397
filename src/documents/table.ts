/** Tables: what a place has to do to hold documents; all else that a store does is the same wherever they are. */
import { Meter } from '../observe/meter.ts'
import type { Time } from '../time.ts'
import type { Collection, Document, DocumentStore } from './index.ts'
import { matcherOf } from './matcher.ts'
import { queryLanguage } from './query-language.ts'
import { patched, type Stored, TRACE_MS, upserted } from './stored.ts'

type Fields = Record<string, unknown>

export type Sort = Record<string, 1 | -1>

export interface Candidates {
  /** all that match, and maybe others; each once */
  documents: Iterable<Document>
  /** whether those that came so far came in the order asked for */
  isInOrder: boolean
}

export interface Table extends Pick<DocumentStore, 'seqs' | 'close'> {
  /** Lets go of what was read before, so that the next reads see what was written last. */
  refresh(): void
  read(collection: Collection, id: string): Document | undefined
  /** To be taken within one turn. */
  candidates(collection: Collection, filter: Fields, sort: Sort): Candidates
  /** Puts what `next` answers in the place of what is stored; where another writer came between, it is asked again. */
  change(
    collection: Collection,
    ids: Iterable<string>,
    next: (stored: Stored | undefined, id: string) => Stored | undefined,
  ): Promise<void>
  /** The ids of traces from before `time`, no more than `limit`. */
  traces(collection: Collection, time: number, limit: number): Iterable<string>
}

/** A `$lookup` whose foreign documents a table can find: by equality alone. */
interface Lookup {
  from: Collection
  localField: string
  foreignField: string
  as: string
}

const TRACES_SWEPT_AT_ONCE = 1_000

const lookupOf = (stage: Fields): Lookup | undefined => {
  const { from, localField, foreignField, pipeline } = (stage.$lookup ?? {}) as Fields
  const isByEquality = typeof from === 'string' && localField && foreignField && pipeline === undefined
  return isByEquality ? (stage.$lookup as Lookup) : undefined
}

/** The documents of a table, found by mingo. */
export function documentsIn(table: Table, time: Time, meter = new Meter()): DocumentStore {
  const written = (collection: Collection, count: number): void => {
    meter.count('rollcall_documents_written_total', { collection }).n += count
  }

  const candidatesFor = (collection: Collection, filter: Fields): Document[] => [
    ...table.candidates(collection, filter, {}).documents,
  ]

  /** Lets go of traces that are older than an hour: more at once than the caller has left. */
  const sweep = async (collection: Collection, now: number, left: number): Promise<void> => {
    const isOld = (stored: Stored | undefined) => (stored?.removedAt ?? now) < now - TRACE_MS
    const old = [...table.traces(collection, now - TRACE_MS, left + TRACES_SWEPT_AT_ONCE)]
    await table.change(collection, old, stored => (isOld(stored) ? undefined : stored))
  }

  return {
    get: async (collection, id) => {
      table.refresh()
      return table.read(collection, id) ?? null
    },
    find: async (collection, { filter = {}, sort = {}, skip = 0, limit = 0 }) => {
      const language = await queryLanguage()
      const matches = matcherOf(filter, language)
      const fields = Object.keys(sort)
      const end = limit === 0 ? Number.POSITIVE_INFINITY : skip + limit
      const found: Document[] = []
      table.refresh()
      const candidates = table.candidates(collection, filter, sort)
      const isInOrder = (): boolean => fields.length === 0 || candidates.isInOrder
      for (const document of candidates.documents) {
        if (matches(document) && found.push(document) === end && isInOrder()) break
      }
      if (isInOrder()) return found.slice(skip)
      return language.sorted(found, sort).slice(skip, end)
    },
    aggregate: async (collection, pipeline) => {
      const { aggregate, valueAt } = await queryLanguage()
      const everything = (name: string) => candidatesFor(name as Collection, {})
      const run = (stages: Fields[], over: Document[], resolver = everything) =>
        aggregate(stages, over, resolver) as Document[]
      table.refresh()
      let reached = candidatesFor(collection, (pipeline[0]?.$match ?? {}) as Fields)
      let next = 0
      for (const [i, stage] of pipeline.entries()) {
        const lookup = lookupOf(stage)
        if (lookup === undefined) continue
        reached = run(pipeline.slice(next, i), reached)
        const wanted = new Set(reached.flatMap(document => valueAt(document, lookup.localField) ?? null))
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
      await table.change(collection, upsertsOf.keys(), (stored, id) => upserted(stored, id, upsertsOf.get(id)!))
      written(collection, upserts.length)
    },
    removeMany: async (collection, ids, seq) => {
      const now = time.now()
      await table.change(collection, ids, stored => (stored && stored.seq <= seq ? { seq, removedAt: now } : stored))
      await sweep(collection, now, ids.length)
    },
    removeWhere: async (collection, filter) => {
      const matches = matcherOf(filter, await queryLanguage())
      const now = time.now()
      const removed = new Set<string>()
      table.refresh()
      const matched = candidatesFor(collection, filter).filter(matches)
      const ids = matched.map(({ _id }) => _id)
      await table.change(collection, ids, (stored, id) => {
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
      await table.change(collection, patchesOf.keys(), (stored, id) => patched(stored, guard, patchesOf.get(id)!))
      written(collection, patches.length)
    },
    seqs: (collection, field) => table.seqs(collection, field),
    close: () => table.close(),
  }
}

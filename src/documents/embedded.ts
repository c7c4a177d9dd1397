/** Documents in LMDB, with an entry in an index for each field they can be found by. */
import { getLastVersion } from 'lmdb'
import { inPlace, released } from '../lmdb/index.ts'
import { Slabs } from '../lmdb/slabs.ts'
import type { Meter } from '../observe/meter.ts'
import { systemTime, type Time } from '../time.ts'
import { openTables, reading, sealed, storedIn, unreadable, wholeIn } from './embedded-tables.ts'
import type { Collection, Document, DocumentStore } from './index.ts'
import {
  documentKey,
  ENTRY_BYTES,
  entriesBetween,
  entriesOf,
  KEY_BYTES,
  type Plan,
  plan,
  removalEntry,
} from './index-entries.ts'
import { isRange, isWithin, type Range } from './matcher.ts'
import type { Stored } from './stored.ts'
import { type Candidates, documentsIn, type Sort, type Table } from './table.ts'

const SCANNED_AT_ONCE = 1_000
/** Documents that are changed in one transaction: LMDB keeps the memory for as many pages as one ever changed. */
const CHANGED_AT_ONCE = 2_000

type Fields = Record<string, unknown>
type Way = Candidates & { isReversed: boolean }

export interface EmbeddedDocumentOptions {
  /** of the LMDB environment, which other threads of the process have open as well */
  path: string
  time?: Time
  meter?: Meter | undefined
}

const indexed = (collection: Collection, stored: Stored | undefined): Buffer[] => {
  if (stored === undefined) return []
  if (stored.document === undefined) return [removalEntry(collection, stored.removedAt)]
  return entriesOf(collection, stored.document)
}

/** A bound of ids, if LMDB can take it for one; too much is found without it. */
const boundOf = (id: string | undefined): string | undefined =>
  id === undefined || id === '' || Buffer.byteLength(id) > KEY_BYTES ? undefined : id

const without = (entries: Buffer[], others: Buffer[]): Buffer[] =>
  others.length === 0 ? entries : entries.filter(entry => !others.some(other => other.equals(entry)))

export const openDocuments = ({ path, time = systemTime, meter }: EmbeddedDocumentOptions): DocumentStore =>
  documentsIn(tableAt(path), time, meter)

function tableAt(path: string): Table {
  const { env, documents, indexes } = openTables(path)
  let closed: Promise<void> | undefined

  const read = (collection: Collection, id: string): Document | undefined => {
    const key = documentKey(collection, id)
    const bytes = key.length > KEY_BYTES ? undefined : reading(collection, () => documents.get(key))
    return bytes && storedIn(key, bytes).document
  }

  /** The ids under one value, within the range, without a look at those before it. */
  const ofValue = (key: Buffer, { $gt, $gte, $lt, $lte }: Range, reverse: boolean) => {
    const [low, high] = [boundOf($gt ?? $gte), boundOf($lt ?? $lte)]
    const [start, end] = reverse ? [high, low] : [low, high]
    return indexes
      .getValues(key, { ...{ reverse, inclusiveEnd: true }, ...(start && { start }), ...(end && { end }) } as object)
      .map(value => ({ key, value }))
  }

  function* found(collection: Collection, filter: Fields, way: Plan, candidates: Way): Generator<Document> {
    try {
      yield* foundBy(collection, filter, way, candidates)
    } catch (cause) {
      throw unreadable(collection, cause)
    }
  }

  function* foundBy(collection: Collection, filter: Fields, way: Plan, candidates: Way): Generator<Document> {
    const { field, exact, unordered, spans } = way
    const range = isRange(filter._id) ? filter._id : null
    const inOrder = [...spans, ...(unordered ? [unordered] : [])].sort((a, b) => Buffer.compare(a.start, b.start))
    for (const [i, span] of inOrder.entries()) {
      // Values that are too long for an entry may share one.
      if (inOrder[i - 1]?.start.equals(span.start)) continue
      // From the end to the start, both included, which finds too much at most.
      const { start: end, end: start } = span
      const bounds = candidates.isReversed ? { start, end, reverse: true, inclusiveEnd: true } : span
      if (field === '_id') {
        for (const { key, value } of released(documents.getRange(bounds))) {
          const { document } = storedIn(key, value)
          if (document !== undefined) yield document
        }
        continue
      }
      const isOne = exact && range !== null && span !== unordered
      const entries = isOne ? ofValue(span.start, range, candidates.isReversed) : indexes.getRange(bounds)
      for (const { key, value: id } of released(entries)) {
        if (!exact && key.length >= ENTRY_BYTES) candidates.isInOrder = false
        if (range && !isWithin(id, range)) continue
        const document = read(collection, id)
        if (document !== undefined) yield document
      }
    }
  }

  /** Which way the index goes for the sort: 1, -1; 0 if it does not. */
  const directionOf = ({ field, spans, unordered, exact }: Plan, sort: Sort): 1 | -1 | 0 => {
    const [first, ...rest] = Object.keys(sort)
    if (first === undefined || spans.length !== 1) return 0
    const direction = sort[first]!
    const isOfIds = first === '_id' && rest.length === 0 && (field === '_id' || exact)
    const isOfField = first === field && (rest.length === 0 || (rest.length === 1 && sort._id === direction))
    if (!isOfIds && !isOfField) return 0
    const isMixed = unordered !== null && field !== '_id' && indexes.getKeysCount({ ...unordered, limit: 1 }) > 0
    return isMixed ? 0 : direction
  }

  return {
    refresh: () => env.resetReadTxn(),
    read,

    candidates(collection, filter, sort) {
      const way = plan(collection, filter)
      const direction = directionOf(way, sort)
      const candidates: Way = { documents: [], isInOrder: direction !== 0, isReversed: direction < 0 }
      candidates.documents = found(collection, filter, way, candidates)
      return candidates
    },

    // No callback runs while LMDB writes, so a thread may end at any moment.
    async change(collection, ids, next) {
      const slabs = new Slabs()
      const tryOne = (id: string): Promise<boolean> | true => {
        const key = documentKey(collection, id)
        const bytes = reading(collection, () => inPlace(documents, key))
        const version = bytes && getLastVersion()
        const stored = bytes && storedIn(key, bytes)
        const after = next(stored, id)
        if (after === stored) return true
        const [old, current] =
          stored?.document && after?.document
            ? entriesBetween(collection, stored.document, after.document)
            : [indexed(collection, stored), indexed(collection, after)]
        const enqueue = () => {
          // No version is used twice, so a document made anew is not taken for the removed one.
          if (after === undefined) documents.remove(key)
          else documents.put(key, sealed(key, after, slabs), Math.random())
          for (const entry of without(old, current)) indexes.remove(entry, id)
          for (const entry of without(current, old)) indexes.put(entry, id)
        }
        return version === undefined ? documents.ifNoExists(key, enqueue) : documents.ifVersion(key, version, enqueue)
      }
      // In the order of their keys those that lie on one page come together.
      const all = [...new Set(ids)].sort()
      for (let from = 0; from < all.length; from += CHANGED_AT_ONCE) {
        for (let left = all.slice(from, from + CHANGED_AT_ONCE); left.length > 0; ) {
          env.resetReadTxn()
          const changed = await Promise.all(left.map(tryOne))
          slabs.free()
          left = left.filter((_, index) => !changed[index])
        }
      }
      await env.flushed
    },

    traces(collection, time, limit) {
      const [start, end] = [removalEntry(collection, 0), removalEntry(collection, time)]
      return reading(collection, () => [...released(indexes.getRange({ start, end, limit }))].map(({ value }) => value))
    },

    async *seqs(collection, field) {
      let [{ start, end }] = plan(collection, {}).spans as [Plan['spans'][number]]
      for (;;) {
        env.resetReadTxn()
        const some = reading(collection, () => [
          ...released(documents.getRange({ start, end, limit: SCANNED_AT_ONCE })),
        ])
        for (const { key, value } of some) {
          // Damaged, it is not known what it is of.
          const { document, seq = 0 } = wholeIn(key, value) ?? {}
          if (document) yield [document[field], seq]
        }
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

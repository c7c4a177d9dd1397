/** Documents in memory: as bytes, so that nobody shares an object with the store. Nothing closes them. */
import { pack, unpack } from 'msgpackr'
import type { Time } from '../time.ts'
import type { Collection, Document, DocumentStore } from './index.ts'
import type { Stored } from './stored.ts'
import { documentsIn, type Table } from './table.ts'
import { compareTexts } from './value-order.ts'

export const memoryDocuments = ({ time }: { time: Time }): DocumentStore => documentsIn(table(), time)

function table(): Table {
  const collections = new Map<Collection, Map<string, Buffer>>()

  const storedIn = (collection: Collection, id: string): Stored | undefined => {
    const bytes = collections.get(collection)?.get(id)
    return bytes && unpack(bytes)
  }

  function* all(collection: Collection): Generator<[id: string, stored: Stored]> {
    const ids = [...(collections.get(collection)?.keys() ?? [])].sort(compareTexts)
    for (const id of ids) {
      const stored = storedIn(collection, id)
      if (stored) yield [id, stored]
    }
  }

  function* documentsOf(collection: Collection): Generator<Document> {
    for (const [, { document }] of all(collection)) if (document) yield document
  }

  return {
    refresh() {},
    read: (collection, id) => storedIn(collection, id)?.document,
    candidates: (collection, _filter, { _id, ...others }) => ({
      documents: documentsOf(collection),
      isInOrder: _id === 1 && Object.keys(others).length === 0,
    }),

    // All in one turn: nobody comes between, and what throws leaves everything as it was.
    async change(collection, ids, next) {
      const changes: [id: string, bytes: Buffer | undefined][] = []
      for (const id of new Set(ids)) {
        const before = storedIn(collection, id)
        const after = next(before, id)
        if (after !== before) changes.push([id, after && pack(after)])
      }
      const stored = collections.get(collection) ?? new Map<string, Buffer>()
      collections.set(collection, stored)
      for (const [id, bytes] of changes) {
        if (bytes === undefined) stored.delete(id)
        else stored.set(id, bytes)
      }
    },

    *traces(collection, time, limit) {
      let left = limit
      for (const [id, { removedAt = time }] of all(collection)) if (removedAt < time && left-- > 0) yield id
    },

    async *seqs(collection, field) {
      for (const [, { document, seq }] of all(collection)) if (document) yield [document[field], seq]
    },

    async close() {},
  }
}

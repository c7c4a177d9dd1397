import type { DocumentStore } from '../documents/index.ts'
import type { Seq } from '../log/index.ts'

interface Stale {
  visitorId: string
  /** from this day on */
  from: string
  /** all that the visitor's state shows of these days was written with this seq or later */
  seq: Seq
}

const AT_ONCE = 50

/** Removes documents of a visitor's web sessions that its state does not show. */
export async function removeStale(documents: DocumentStore, { visitorId, from, seq }: Stale): Promise<void> {
  for (const collection of ['web-sessions', 'web-events'] as const) {
    for (let after = ''; ; ) {
      const filter = { visitorId, day: { $gte: from }, _id: { $gt: after } }
      const some = await documents.find(collection, { filter, sort: { _id: 1 }, limit: AT_ONCE })
      const ids = some.map(({ _id }) => _id)
      if (ids.length > 0) await documents.removeMany(collection, ids, seq - 1)
      if (some.length < AT_ONCE) break
      after = some.at(-1)!._id
    }
  }
}

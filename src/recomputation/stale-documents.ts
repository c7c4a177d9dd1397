import type { DocumentStore } from '../documents/index.ts'
import type { Seq } from '../log/index.ts'
import { type Steps, step } from '../observe/steps.ts'

interface Stale {
  visitorId: string
  /** from this day on */
  from: string
  /** all that the visitor's state shows of these days was written with this seq or later */
  seq: Seq
}

const AT_ONCE = 50

/** Removes documents of a visitor's web sessions that its state does not show. */
export async function removeStale(
  documents: DocumentStore,
  { visitorId, from, seq }: Stale,
  steps?: Steps,
): Promise<void> {
  for (const collection of ['web-sessions', 'web-events'] as const) {
    for (let after = ''; ; ) {
      const filter = { visitorId, day: { $gte: from }, _id: { $gt: after } }
      const query = { filter, sort: { _id: 1 }, limit: AT_ONCE } as const
      const some = await step(steps, 'anew.find', filter, () => documents.find(collection, query))
      const ids = some.map(({ _id }) => _id)
      if (ids.length > 0) await step(steps, 'anew.remove', ids, () => documents.removeMany(collection, ids, seq - 1))
      if (some.length < AT_ONCE) break
      after = some.at(-1)!._id
    }
  }
}

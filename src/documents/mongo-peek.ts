import type { Db, Filter } from 'mongodb'
import { repeated } from '../mongodb/outcome.ts'
import { systemTime } from '../time.ts'
import type { Collection, Document } from './index.ts'
import { OBJECT_IDS, objectIdOf, TEXTS, withTextId } from './object-ids.ts'
import type { DocumentPeek, FoundDocument } from './peek.ts'

type Kept = { _id: string; _seq?: number; _gone?: true; _expireAt?: Date } & Record<string, unknown>

const PATIENCE_MS = 5_000
const READ_AT_ONCE = 500

/** A document of another program has no seq: nothing that is here says anything of it. */
function found({ _seq = 0, _gone, _expireAt, ...document }: Kept): FoundDocument {
  const id = document._id
  if (_gone) return { id, seq: _seq, removedAt: _expireAt?.getTime() ?? 0 }
  return { id, seq: _seq, document: document as Document }
}

/** Documents in MongoDB. */
export function peekAtMongoDocuments(db: Db): DocumentPeek {
  const read = (collection: Collection, filter: Filter<Kept>, limit: number): Promise<Kept[]> =>
    repeated(
      () => db.collection<Kept>(collection).find(filter).sort({ _id: 1 }).limit(limit).toArray(),
      PATIENCE_MS,
      systemTime,
    )
  return {
    async *all(collection) {
      for (const first of [TEXTS, OBJECT_IDS]) {
        for (let filter = first as Filter<Kept>; ; ) {
          const some = await read(collection, filter, READ_AT_ONCE)
          yield some.map(each => found(withTextId(each)))
          if (some.length < READ_AT_ONCE) break
          filter = { _id: { $gt: some.at(-1)!._id } }
        }
      }
    },
    async some(collection, ids) {
      const others = collection === 'sessions' ? ids.flatMap(id => objectIdOf(id) ?? []) : []
      const some = await read(collection, { _id: { $in: [...ids, ...others] as string[] } }, 0)
      // A text id counts where the ObjectId is there as well: texts come first.
      return new Map(some.reverse().map(each => [String(each._id), found(withTextId(each))]))
    },
    close: async () => {},
  }
}

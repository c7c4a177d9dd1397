import type { Db } from 'mongodb'

interface Owner {
  _id: string
  epoch: number
  renewed: number
  [field: string]: unknown
}

interface Change {
  $set?: Partial<Owner>
  $inc?: Record<string, number>
}

/** The one document of a lease, changed as MongoDB changes it: whole, and only where it is as the filter says. */
export interface LeaseDocument {
  find(): Owner | null
  insert(made: Owner): void
  update(filter: Partial<Owner>, change: Change): { matchedCount: number }
}

export function memoryLease(): LeaseDocument {
  let kept: Owner | null = null
  return {
    find: () => kept && { ...kept },
    insert(made) {
      if (kept) throw Object.assign(new Error('there is one'), { name: 'MongoServerError', code: 11_000 })
      kept = { ...made }
    },
    update(filter, { $set = {}, $inc = {} }) {
      if (!kept || Object.entries(filter).some(([name, value]) => kept![name] !== value)) return { matchedCount: 0 }
      for (const [name, by] of Object.entries($inc)) kept[name] = Number(kept[name]) + by
      // A field is set or added to, never both.
      Object.assign(kept, $set)
      return { matchedCount: 1 }
    },
  }
}

/** A lease as the driver of MongoDB would show it to who reaches it like this. */
export const leaseDb = (lease: LeaseDocument, reach: <T>(work: () => T) => Promise<T>): Db =>
  ({
    collection: () => ({
      findOne: () => reach(() => lease.find()),
      insertOne: (made: Owner) => reach(() => lease.insert(made)),
      updateOne: (filter: Partial<Owner>, change: Change) => reach(() => lease.update(filter, change)),
    }),
  }) as unknown as Db

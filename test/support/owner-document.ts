import type { Db } from 'mongodb'

/** The document of MongoDB that says who owns the partitions. */
export interface OwnerDocument {
  owner: string
  epoch: number
  renewed: number
  released: boolean
  holder?: { of: string; host: string; pid: number; version: string; since: number } | undefined
}

/** A database with no more than that document. `each` happens at every look of somebody who waits. */
export function ownerDatabase(current: OwnerDocument, each: (look: number) => void = () => {}) {
  let looks = 0
  /** fails the next write with this, as a server that is away would */
  const faults: Error[] = []
  const owners = {
    async findOne() {
      each(++looks)
      return { _id: 'owner', ...current }
    },
    async updateOne(
      { epoch, renewed }: Partial<OwnerDocument>,
      { $set = {}, $inc = {} }: { $set?: Partial<OwnerDocument>; $inc?: { renewed?: number } },
    ) {
      const fault = faults.shift()
      if (fault) throw fault
      if (epoch !== current.epoch || (renewed ?? current.renewed) !== current.renewed) return { matchedCount: 0 }
      current.renewed += $inc.renewed ?? 0
      Object.assign(current, $set, { epoch: $set.owner ? current.epoch + 1 : current.epoch })
      return { matchedCount: 1 }
    },
  }
  return { db: { collection: () => owners } as unknown as Db, current, faults }
}

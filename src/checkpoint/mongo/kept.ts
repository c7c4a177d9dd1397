import type { Db } from 'mongodb'
import { type Repeat, repeated } from '../../mongodb/outcome.ts'
import { type Kept, type KeptSlices, newestFirst } from '../kept.ts'

interface Slice {
  /** `<partition>/<slot>/<slice>` */
  _id: string
  b: Buffer
}

type Head = { _id: string; partition: number } & Kept

const PATIENCE_MS = 5_000

/** Copies in MongoDB. Nothing of the checkpoint is shared, so that whoever sweeps its blobs need not know of them. */
export function openMongoKept(db: Db): KeptSlices {
  const slices = db.collection<Slice>('checkpoint-kept-slices', { promoteBuffers: true })
  const heads = db.collection<Head>('checkpoint-kept')
  const repeat: Repeat = work => repeated(work, PATIENCE_MS)
  const headOf = (partition: number, slot: number): string => `${partition}/${slot}`
  return {
    async heads(partition) {
      const found = await repeat(() => heads.find({ partition }).toArray())
      return found.map(({ _id, partition: _, ...kept }) => kept).sort(newestFirst)
    },
    async write(partition, slot, slice, b) {
      const _id = `${partition}/${slot}/${slice}`
      await repeat(() => slices.replaceOne({ _id }, { b }, { upsert: true }))
    },
    async finish(partition, kept) {
      const _id = headOf(partition, kept.slot)
      await repeat(() => heads.replaceOne({ _id }, { partition, ...kept }, { upsert: true }))
    },
    async *read(partition, slot) {
      for (let slice = 0; ; slice++) {
        const found = await repeat(() => slices.findOne({ _id: `${partition}/${slot}/${slice}` }))
        if (!found) return
        yield Buffer.from(found.b)
      }
    },
    async clear(partition, slot) {
      const prefix = headOf(partition, slot)
      await repeat(() => heads.deleteOne({ _id: prefix }))
      await repeat(() => slices.deleteMany({ _id: { $gte: `${prefix}/`, $lt: `${prefix}0` } }))
    },
    close: async () => {},
  }
}

import type { Db } from 'mongodb'
import { repeated } from './outcome.ts'

const PATIENCE_MS = 2_000

/** Who was the last to own the partitions and did not give them back, alive or not; null if there is none. */
export async function ownerIn(db: Db): Promise<string | null> {
  const owners = db.collection<{ _id: 'owner'; owner: string; released: boolean }>('owners')
  const last = await repeated(() => owners.findOne({ _id: 'owner' }), PATIENCE_MS)
  return last && !last.released ? last.owner : null
}

import type { Db } from 'mongodb'
import { isCode, type RollcallError } from '../../errors.ts'
import { type Repeat, repeated } from '../../mongodb/outcome.ts'
import type { Anchor } from '../index.ts'
import type { Cuts } from '../peek.ts'
import { type Blob, Blobs, batches } from './blobs.ts'
import { Manifests } from './manifest.ts'

const PATIENCE_MS = 2_000
const READ_BYTES = 8 * 1024 * 1024

/** Cuts of the checkpoints in MongoDB. */
export function peekAtMongoCuts(db: Db): Cuts {
  const repeat: Repeat = work => repeated(work, PATIENCE_MS)
  const [manifests, blobs] = [new Manifests(db, repeat), new Blobs(db, repeat)]
  const of = async (partition: number): Promise<Anchor | null> => {
    const manifest = await manifests.read(partition)
    return manifest && { ...manifest, mark: manifest.mark ?? null }
  }
  const damage = async (partition: number): Promise<RollcallError | null> => {
    try {
      const { buckets, deltas } = (await manifests.read(partition)) ?? { buckets: [], deltas: [] }
      for (const batch of batches<Blob>([...buckets, ...deltas], ({ bytes }) => bytes, READ_BYTES))
        await blobs.read(batch)
      return null
    } catch (error) {
      if (!isCode(error, 'RC_CHECKPOINT_CORRUPT')) throw error
      return error as RollcallError
    }
  }
  return { of, damage, close: async () => {} }
}

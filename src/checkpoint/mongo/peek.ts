import type { Db } from 'mongodb'
import { isCode, type RollcallError } from '../../errors.ts'
import { repeated } from '../../mongodb/outcome.ts'
import { type Blob, batches, type Manifest, READ_BYTES } from '../blobs.ts'
import type { Anchor } from '../index.ts'
import { type Cuts, holdOf, imageOf } from '../peek.ts'
import { EMPTY, type Run } from '../run.ts'
import { MongoBlobs } from './blobs.ts'
import { MongoManifests } from './manifests.ts'

const PATIENCE_MS = 2_000
/** So often at most a manifest is read whose blobs are gone before they were: its owner commits meanwhile. */
const MOST_ROUNDS = 50

/** Checkpoints in MongoDB. All of one that is held is in memory, since its owner removes blobs once another commit has come. */
export function peekAtMongoCuts(db: Db): Cuts {
  const repeat = <T>(work: () => Promise<T>): Promise<T> => repeated(work, PATIENCE_MS)
  const blobs = new MongoBlobs(db, repeat)
  const manifests = new MongoManifests(db, repeat, blobs)
  return {
    async of(partition): Promise<Anchor | null> {
      return manifests.read(partition)
    },
    async damage(partition): Promise<RollcallError | null> {
      try {
        const { buckets, deltas } = (await manifests.read(partition)) ?? { buckets: [], deltas: [] }
        for (const batch of batches<Blob>([...buckets, ...deltas], ({ bytes }) => bytes, READ_BYTES))
          await blobs.read(batch)
        return null
      } catch (error) {
        if (!isCode(error, 'RC_CHECKPOINT_CORRUPT')) throw error
        return error as RollcallError
      }
    },
    async hold(partition) {
      const known = new Map<string, Run>()
      for (let round = 0; round < MOST_ROUNDS; round++) {
        const manifest = await manifests.read(partition)
        if (manifest === null) return null
        if (!(await readAll(manifest, blobs, known))) continue
        const runOf = (blob: Blob): Run => known.get(keyOf(blob)) ?? EMPTY
        const image = imageOf(manifest)
        for (const delta of manifest.deltas) image.restore(delta.n, runOf(delta))
        return holdOf(
          manifest,
          image,
          ({ blob }) => runOf(blob),
          () => {},
        )
      }
      throw new Error(`the checkpoint of partition ${partition} lacks a blob that is listed`)
    },
    close: async () => {},
  }
}

const keyOf = ({ ids }: Blob): string => ids[0] ?? ''

/** Reads the blobs that are not known yet, and forgets those that are not listed; false if one is gone. */
async function readAll({ buckets, deltas }: Manifest, blobs: MongoBlobs, known: Map<string, Run>): Promise<boolean> {
  const listed: Blob[] = [...deltas, ...buckets].filter(({ ids }) => ids.length > 0)
  const keys = new Set(listed.map(keyOf))
  for (const key of known.keys()) if (!keys.has(key)) known.delete(key)
  const missing = listed.filter(blob => !known.has(keyOf(blob)))
  for (const batch of batches(missing, ({ bytes }) => bytes, READ_BYTES)) {
    for (const [i, run] of (await blobs.readDeltas(batch)).entries()) {
      if (run === undefined) return false
      known.set(keyOf(batch[i]!), run)
    }
  }
  return true
}

import type { Db } from 'mongodb'
import { type Repeat, repeated } from '../../mongodb/outcome.ts'
import { systemTime, type Time } from '../../time.ts'
import type { CheckpointStore } from '../index.ts'
import { checkpointsOf } from '../store.ts'
import { MongoBlobs } from './blobs.ts'
import { MongoManifests } from './manifests.ts'

export interface MongoCheckpointOptions {
  /** how long something is repeated that MongoDB does not answer, before RC_STORE_UNAVAILABLE */
  patienceMs?: number
  /** of what was read or written, to be kept in memory; the deltas of each claim, 16 MB at most, come on top */
  cacheBytes?: number
  time?: Time
}

const CACHE_BYTES = 64 * 1024 * 1024
const DELTA_BYTES = 16 * 1024 * 1024

/**
 * Checkpoints in MongoDB, without transactions: blobs are inserted first, and the update of the manifest, one document,
 * is the commit, and the fence. A bucket is rewritten in each.
 */
export function openMongoCheckpoints(db: Db, options: MongoCheckpointOptions = {}): CheckpointStore {
  const { patienceMs = 5_000, cacheBytes = CACHE_BYTES, time = systemTime } = options
  const repeat: Repeat = work => repeated(work, patienceMs, time)
  const blobs = new MongoBlobs(db, repeat, cacheBytes)
  const pace = { deltaBytes: () => DELTA_BYTES, rewriteBytes: () => 2 * DELTA_BYTES, due: () => 1 }
  return { ...checkpointsOf(new MongoManifests(db, repeat, blobs), blobs, () => pace), async close() {} }
}

import { openStateEnvironment } from '../../lmdb/index.ts'
import type { Blobs } from '../blobs.ts'
import type { Pace } from '../image.ts'
import type { CheckpointStore } from '../index.ts'
import { checkpointsOf } from '../store.ts'
import { LmdbBlobs } from './blobs.ts'
import { LmdbManifests } from './manifests.ts'
import { BLOBS, bytesAt, type Key, openTable, valueAt } from './table.ts'

/**
 * Bytes of deltas in memory: of a partition as many as its buckets have, within its part of these bounds of a thread;
 * beyond, buckets are written anew sooner.
 */
const DELTAS = { least: 32 * 1024 * 1024, most: 128 * 1024 * 1024 }
/** Buckets that a commit rewrites hold up the thread and are in memory until it has come through: more are left to the next. */
const REWRITES = { least: 4 * 1024 * 1024, most: 32 * 1024 * 1024 }
/** All buckets of a partition that change are written anew within so many commits. */
const ROUND = 240

/**
 * Checkpoints in LMDB. A commit is one conditional block on the manifest's version: LMDB carries it out in one
 * transaction on its own thread, so a shard that dies in the middle leaves all of it or nothing.
 */
export function openCheckpoints(path: string): CheckpointStore {
  const env = openStateEnvironment(path)
  const table = openTable(env)!
  const lmdb = new LmdbBlobs(
    key => valueAt(table, key),
    key => bytesAt(table, key),
  )
  const blobs: Blobs = {
    packDelta: (run, nextId) => lmdb.packDelta(run, nextId),
    packBucket: (run, nextId, slabs) => lmdb.packBucket(run, nextId, slabs),
    async readDeltas(wanted) {
      env.resetReadTxn()
      return wanted.map(blob => lmdb.delta(blob))
    },
    async useBucket(blob, use) {
      env.resetReadTxn()
      return lmdb.useBucket(blob, use)
    },
    async readBuckets(wanted) {
      env.resetReadTxn()
      return wanted.map(each => lmdb.bucket(each))
    },
    async ids(partition) {
      env.resetReadTxn()
      const ids = new Set<string>()
      for (const key of table.getKeys({ start: [partition, BLOBS], end: [partition, `${BLOBS}\0`] })) ids.add(idOf(key))
      return [...ids]
    },
  }
  const store = checkpointsOf(new LmdbManifests(env, table, blobs), blobs, paceOf)
  return { ...store, close: () => env.close() }
}

/** How much of deltas there may be in a thread that has so many partitions. */
export const paceOf = (partitions: () => number): Pace => ({
  deltaBytes(bucketBytes) {
    const [least, most] = [DELTAS.least, DELTAS.most].map(bytes => bytes / Math.max(1, partitions()))
    return Math.min(most!, Math.max(least!, bucketBytes))
  },
  rewriteBytes: share => Math.min(REWRITES.most, Math.max(REWRITES.least, share)),
  due: (buckets, bytes, deltaBytes) => buckets * Math.max(1 / ROUND, bytes / deltaBytes),
})

const idOf = ([partition, , ...numbers]: Key): string => [partition, ...numbers.slice(0, 3)].join('/')

/** Checkpoints of blobs: bytes that are written once, and for each partition a manifest that lists those that count. */
import type { Slabs } from '../lmdb/slabs.ts'
import type { Seq } from '../log/index.ts'
import type { Anchor, Space } from './index.ts'
import type { Run } from './run.ts'

/** Bytes at rest, in one or more pieces: ids that nobody else has, `<partition>/<epoch>/<n>/<i>`. */
export interface Blob {
  ids: string[]
  bytes: number
}

/** Bytes that are to be written of a blob. */
export interface Piece {
  id: string
  bytes: Buffer
}

export interface Packed {
  blob: Blob
  pieces: Piece[]
}

/** The records of a space whose hash begins with some bits, as of commit `n`. */
export interface BucketEntry extends Blob {
  /** `<space>/<bits>` */
  at: string
  n: number
}

/** The changes of commit `n`, as long as a bucket is older. */
export interface DeltaEntry extends Blob {
  n: number
}

/** The part of a manifest that a commit replaces. */
export interface Lists extends Anchor {
  /** the commit's number, +1 each */
  n: number
  /** the one attempt of it that counts */
  attempt: string | null
  cut: Seq
  /** oldest first */
  buckets: BucketEntry[]
  deltas: DeltaEntry[]
}

/** All that counts of a partition, and whose it is. */
export interface Manifest extends Lists {
  partition: number
  owner: string
  epoch: number
}

/** The records of a bucket whose ids begin with one of the prefixes, or all of them. */
export interface Wanted {
  blob: Blob
  prefixes?: Iterable<string>
}

/** Blobs as a store keeps them. RC_CHECKPOINT_CORRUPT where one is not as it was written; undefined where it is gone. */
export interface Blobs {
  /** The run, whose body is another one's soon, is given back with one of its own. */
  packDelta(run: Run, nextId: () => string): Packed & { run: Run }
  /** The run is sorted; its body is another one's soon. The pieces may be in the slabs, until the commit has come through. */
  packBucket(run: Run, nextId: () => string, slabs: Slabs): Packed
  readDeltas(blobs: Blob[]): Promise<(Run | undefined)[]>
  /** Gives all of a bucket, sorted, to `use`: once that ends its body is another one's. False where it is gone. */
  useBucket(blob: Blob, use: (run: Run) => void): Promise<boolean>
  /** Sorted, with all records that are wanted, maybe among others. */
  readBuckets(wanted: Wanted[]): Promise<(Run | undefined)[]>
  /** The ids of all pieces of the partition. */
  ids(partition: number): Promise<string[]>
}

/** Manifests as a store keeps them. RC_CHECKPOINT_CORRUPT where one is not as it was written. */
export interface Manifests {
  read(partition: number): Promise<Manifest | null>
  /** The manifest with a higher epoch than anybody's; an epoch may be passed over. */
  claim(partition: number, owner: string): Promise<Manifest>
  /**
   * Writes pieces, removes others, and lists what counts from here on. True if the commit counts; false if an earlier
   * attempt of the same owner at this number does; RC_FENCED if the partition has a higher epoch.
   */
  commit(partition: number, epoch: number, next: Lists, pieces: Piece[], removed: string[]): Promise<boolean>
  /** Lists nothing any more. */
  forget(partition: number): Promise<void>
}

export const SPACES: readonly Space[] = ['actor', 'deadline', 'aggregate', 'documents', 'outbox', 'parked']

/** The manifest of a partition of which nothing was committed yet. */
export const firstManifest = (partition: number, owner: string): Manifest => ({
  ...{ partition, owner, epoch: 1, n: 0, attempt: null, cut: 0, incarnation: null, mark: null, deltas: [] },
  buckets: SPACES.map(space => ({ at: `${space}/`, n: 0, ids: [], bytes: 0 })),
})

/** Bytes of blobs that are read at once. */
export const READ_BYTES = 8 * 1024 * 1024

/** Lists of items one after another, none heavier than `limit` unless it is a single item. */
export function batches<T>(items: Iterable<T>, weightOf: (item: T) => number, limit: number): T[][] {
  const found: T[][] = []
  let left = 0
  for (const item of items) {
    const weight = weightOf(item)
    if (weight > left || found.length === 0) {
      found.push([])
      left = limit
    }
    found.at(-1)!.push(item)
    left -= weight
  }
  return found
}

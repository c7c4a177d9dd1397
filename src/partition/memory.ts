import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'

/** The process takes no more for its actors, and no greater share of its memory; a thread no greater share of its heap. */
const MOST = 2 * 1024 ** 3
const SHARE = 1 / 8
const SHARE_OF_HEAP = 1 / 4
/** Partitions among which that is divided unless told otherwise. */
const PARTITIONS = 16

/** Zero where nothing but the machine limits the process. */
const constrained = process.constrainedMemory() || Number.POSITIVE_INFINITY

/** Bytes that the actors of all partitions of a process may take together, about, beyond those of the batch at hand. */
export const ACTORS_BYTES = Math.min(MOST, SHARE * Math.min(totalmem(), constrained))

/** Bytes that those of one of so many partitions may take, of which the thread that asks has `owned`. */
export function bytesOfPartition(partitions = PARTITIONS, owned = partitions): number {
  const ofHeap = SHARE_OF_HEAP * getHeapStatistics().heap_size_limit
  return Math.min(ACTORS_BYTES / partitions, ofHeap / owned)
}

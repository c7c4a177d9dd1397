import { problemOf } from '../checkpoint/fit.ts'
import type { CheckpointStore } from '../checkpoint/index.ts'
import { type ErrorCode, RollcallError } from '../errors.ts'
import type { EventLog } from '../log/index.ts'
import type { PartitionState } from './index.ts'

/** A partition of which nothing was committed yet. */
const NOTHING = { cut: 0, incarnation: null, mark: null }

/**
 * The states of the partitions as anybody can see them: can they go on with their logs? About a partition without a
 * commit only its owner can say, once it has adopted: it may have to begin its log anew, above the documents there are.
 */
export async function peek(
  store: CheckpointStore,
  log: EventLog,
  partitions: number,
  isOwner = false,
): Promise<PartitionState[]> {
  const one = async (partition: number): Promise<PartitionState> => {
    // The log goes ahead of the checkpoint: asked for second, it is never behind for having been asked too early.
    const kept = await store.peek(partition)
    if (!isOwner && (!kept || kept.incarnation === null)) return { partition, stopped: reason('RC_NO_OWNER') }
    const problem = await problemOf(kept ?? NOTHING, log, partition)
    return { partition, stopped: problem && reason(problem) }
  }
  return Promise.all(Array.from({ length: partitions }, (_, partition) => one(partition)))
}

function reason(code: ErrorCode): { code: string; message: string } {
  const { message } = new RollcallError(code)
  return { code, message }
}

import { lookAt } from '../checkpoint/fit.ts'
import type { CheckpointStore } from '../checkpoint/index.ts'
import { type ErrorCode, RollcallError } from '../errors.ts'
import type { EventLog } from '../log/index.ts'
import type { PartitionState } from './index.ts'

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
  const cuts = { of: (partition: number) => store.peek(partition) }
  const one = async (partition: number): Promise<PartitionState> => {
    const { kept, problem } = await lookAt(partition, cuts, log)
    const isNew = problem !== 'RC_CHECKPOINT_CORRUPT' && (!kept || kept.incarnation === null)
    if (isNew && !isOwner) return { partition, stopped: reason('RC_NO_OWNER') }
    return { partition, stopped: problem && reason(problem) }
  }
  return Promise.all(Array.from({ length: partitions }, (_, partition) => one(partition)))
}

function reason(code: ErrorCode): { code: string; message: string } {
  const { message } = new RollcallError(code)
  return { code, message }
}

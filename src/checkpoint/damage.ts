import { RollcallError } from '../errors.ts'

/** More of a record's names is not told. */
const NAMED = 500

/** Damage: the part of a partition's checkpoint is not as it was written. */
export const damaged = (partition: unknown, part: string, cause?: unknown): RollcallError =>
  new RollcallError(
    'RC_CHECKPOINT_CORRUPT',
    `Partition ${partition}: the ${part.slice(0, NAMED)} of the checkpoint is not as it was written.`,
    { cause },
  )

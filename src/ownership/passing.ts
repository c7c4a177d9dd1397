import { type ErrorCode, isCode } from '../errors.ts'

/** The owner, or its shard, comes back or another one does, and with it the position; only the time is bounded. */
const PASSING: ErrorCode[] = [
  ...(['RC_NO_OWNER', 'RC_NOT_READY', 'RC_FENCED', 'RC_CLOSING'] as const),
  ...(['RC_SHARD_LOST', 'RC_SHARD_TIMEOUT', 'RC_WAIT_TIMEOUT'] as const),
]

/** The owner, or another one, may answer soon. */
export const isPassing = (error: unknown): boolean => PASSING.some(code => isCode(error, code))

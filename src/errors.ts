/**
 * Every error a caller can meet: its stable code, the HTTP status it answers with, and what it means.
 * The table is printed in docs/http.md; a test keeps the two equal.
 */
export const ERRORS = {
  RC_INVALID_INPUT: [400, 'The input does not fit its schema; `faults` lists what is wrong and where.'],
  RC_INVALID_JSON: [400, 'The body is not JSON.'],
  RC_INVALID_POSITION: [
    400,
    'Rollcall-After is not a list of `<partition>-<seq>`, or one is beyond the end of the log.',
  ],
  RC_NOT_FOUND: [404, 'There is no such route or no such thing.'],
  RC_SESSION_NOT_FOUND: [404, 'No streamer session has this id.'],
  RC_UNAUTHENTICATED: [401, 'There is no valid token with the request.'],
  RC_KEYS_UNAVAILABLE: [503, 'The keys that tokens are signed with cannot be had just now.'],
  RC_NOT_ALLOWED: [403, 'The caller may not do this.'],
  RC_RATE_LIMITED: [429, 'The caller sends more than it may; `retry-after` says for how long to wait.'],
  RC_UNSIGNED: [401, 'The webhook carries no valid signature.'],
  RC_NOT_CONFIGURED: [503, 'This needs Pusher, which is not configured.'],
  RC_SERVICE_UNREACHABLE: [503, 'Pusher, Firebase or NATS gives no answer; the effect waits for it.'],
  RC_SERVICE_BUSY: [503, 'Pusher or Firebase could not take it just now; it is tried again.'],
  RC_SERVICE_REFUSED: [502, 'Pusher or Firebase will not take it, however often it is tried.'],
  RC_STORE_UNAVAILABLE: [503, 'MongoDB gives no answer; it is tried again.'],
  RC_SESSION_ENDED: [409, 'The streamer session has ended; it takes no more changes of this kind.'],
  RC_TOO_MANY_RECORDS: [413, 'A user sends at most 100 records at once.'],
  RC_BODY_TOO_LARGE: [413, 'The body is over 1 MiB.'],
  RC_UNSUPPORTED_MEDIA_TYPE: [415, 'The body must be application/json, in UTF-8 and not compressed.'],
  RC_BAD_REQUEST: [400, 'The request is not one HTTP can carry out.'],
  RC_INTERNAL: [500, 'A fault of Rollcall itself; the log says more.'],
  RC_LOG_UNAVAILABLE: [503, 'The log could not make it all durable. Send it again; what was accepted counts once.'],
  RC_OVERLOADED: [
    503,
    'More waits, for the log or for positions, than fits. Send it again; what was accepted counts once.',
  ],
  RC_TOO_MANY_WATCHED: [
    503,
    'As many actors are watched as fits; a watch ends half a minute after the last look. Try again.',
  ],
  RC_SHARD_LOST: [503, 'The shard died while it was asked; it is being restarted. Try again.'],
  RC_CLOSING: [503, 'Rollcall is ending; it takes no more calls.'],
  RC_ACTOR_PARKED: [503, 'The actor cannot take events just now; /parked says why.'],
  RC_SHARD_TIMEOUT: [504, 'The shard did not answer in time.'],
  RC_UNREACHABLE: [503, 'No server answers where the command line was told to find one.'],
  RC_WAIT_TIMEOUT: [504, 'The position did not become readable within 20 s.'],
  RC_FENCED: [503, 'Another owner claimed the partition; this one stops writing.'],
  RC_PARTITION_STOPPED: [
    503,
    'A partition stopped: too much of it is parked, or a fault, which the log of its owner tells.',
  ],
  RC_LOG_BEHIND: [503, 'The log ends before the checkpoint, or is not the log the checkpoint was made from.'],
  RC_LOG_TRUNCATED: [503, 'The log begins after the cut of the checkpoint.'],
  RC_LOG_CORRUPT: [503, 'An entry of the log is not as it was written; the partition stops before it.'],
  RC_CHECKPOINT_CORRUPT: [503, 'A part of the checkpoint is not as it was written; its partition stops.'],
  RC_DOCUMENT_CORRUPT: [500, 'A document is not as it was written.'],
  RC_NOT_READY: [503, 'The partitions are being replayed; /readyz says how far they are. Try again.'],
  RC_NO_OWNER: [503, 'No process owns the partitions just now, or the one that does gives no answer. Try again.'],
  RC_OWNED: [503, 'Another process owns the partitions; this one would need ROLLCALL_NATS_URL to work beside it.'],
  RC_DATA_DIR_LOCKED: [503, 'Another process has the data directory open.'],
  RC_DATA_DIR_UNUSABLE: [500, 'The data directory cannot be made, not be written to, or not be read.'],
  RC_LISTEN_FAILED: [500, 'The server cannot listen on ROLLCALL_HOST and ROLLCALL_PORT.'],
  RC_CONFIG_INVALID: [500, 'The environment holds values Rollcall cannot start with.'],
  RC_CONFIG_CHANGED: [500, 'A setting that state depends on differs from the one the data directory was created with.'],
  RC_UNKNOWN_VERSION: [500, 'A snapshot was written by a version this program does not know.'],
} as const satisfies Record<string, readonly [status: number, meaning: string]>

export type ErrorCode = keyof typeof ERRORS

/** One thing wrong with an input: which record, where in it, a stable code, a sentence. */
export interface Fault {
  index: number
  path: string
  code: string
  message: string
}

/** The limits that callers may reach: of what they send in a minute or at once, and of what waits or is open at once. */
export type Limit =
  | ('requests' | 'records' | 'bytes' | 'tokens' | 'webhooks')
  | ('records at once' | 'body' | 'log' | 'waits' | 'waits of a user')
  | ('messages' | 'pasts' | 'watches' | 'parked events')

/** Codes that are of one limit alone. */
const LIMITS: { [Code in ErrorCode]?: Limit } = {
  RC_TOO_MANY_RECORDS: 'records at once',
  RC_BODY_TOO_LARGE: 'body',
  RC_TOO_MANY_WATCHED: 'watches',
  RC_ACTOR_PARKED: 'parked events',
}

interface ErrorOptions {
  cause?: unknown
  faults?: Fault[]
  retryAfterMs?: number
  /** the limit that was reached */
  limit?: Limit
}

/** The only error Rollcall throws on purpose. `status` is the HTTP status of its code. */
export class RollcallError extends Error {
  override name = 'RollcallError'
  readonly code: ErrorCode
  readonly faults: Fault[] | undefined
  /** trying again any sooner is in vain */
  readonly retryAfterMs: number
  /** the limit that was reached; empty: none was */
  readonly limit: Limit | ''

  constructor(code: ErrorCode, message: string = ERRORS[code][1], options: ErrorOptions = {}) {
    const { stackTraceLimit } = Error
    // Callers can have these made thousands of times a second, and a stack costs more than all else of a refusal.
    if (ERRORS[code][0] < 500) Error.stackTraceLimit = 0
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    Error.stackTraceLimit = stackTraceLimit
    this.code = code
    this.faults = options.faults
    this.retryAfterMs = options.retryAfterMs ?? 0
    this.limit = options.limit ?? LIMITS[code] ?? ''
  }

  get status(): number {
    return ERRORS[this.code][0]
  }

  toJSON(): { code: ErrorCode; message: string; faults?: Fault[] } {
    // The names of what is damaged are for the log.
    const message = isDamage(this) ? ERRORS[this.code][1] : this.message
    return { code: this.code, message, ...(this.faults && { faults: this.faults }) }
  }
}

/** Codes that say that what is kept is not what was written. */
const DAMAGES: ErrorCode[] = ['RC_LOG_CORRUPT', 'RC_CHECKPOINT_CORRUPT', 'RC_DOCUMENT_CORRUPT']

/** True of what does not pass: the same is read however often it is tried. */
export const isDamage = (error: unknown): boolean => DAMAGES.some(code => isCode(error, code))

export const isCode = (error: unknown, code: ErrorCode): boolean =>
  error instanceof Error && (error as { code?: unknown }).code === code

import { ERRORS, type ErrorCode } from '../../../errors.ts'
import type { Need, Route } from './route.ts'

/** Codes of a route that anything behind it is away, or stopped, or asked too much. */
const OF_NEED: Readonly<Record<Need, readonly ErrorCode[]>> = {
  log: ['RC_LOG_UNAVAILABLE', 'RC_OVERLOADED', 'RC_ACTOR_PARKED', 'RC_NO_OWNER', 'RC_LOG_BEHIND', 'RC_LOG_TRUNCATED'],
  owner: [
    ...(['RC_NO_OWNER', 'RC_NOT_READY', 'RC_FENCED', 'RC_SHARD_LOST', 'RC_SHARD_TIMEOUT', 'RC_WAIT_TIMEOUT'] as const),
    ...(['RC_PARTITION_STOPPED', 'RC_LOG_BEHIND', 'RC_LOG_TRUNCATED', 'RC_LOG_CORRUPT'] as const),
    ...(['RC_CHECKPOINT_CORRUPT', 'RC_UNKNOWN_VERSION'] as const),
  ],
  documents: ['RC_STORE_UNAVAILABLE', 'RC_DOCUMENT_CORRUPT'],
}

/** Codes of any route: also pages of elsewhere are answered nothing without authentication. */
const OF_ALL: readonly ErrorCode[] = ['RC_BAD_REQUEST', 'RC_NOT_ALLOWED', 'RC_INTERNAL', 'RC_CLOSING']
const OF_BODY: readonly ErrorCode[] = ['RC_INVALID_JSON', 'RC_BODY_TOO_LARGE', 'RC_UNSUPPORTED_MEDIA_TYPE']
/** Codes of a read that waits for a position. */
const OF_WAIT: readonly ErrorCode[] = [
  ...(['RC_INVALID_POSITION', 'RC_OVERLOADED', 'RC_LOG_UNAVAILABLE'] as const),
  ...OF_NEED.owner,
]
const OF_LIMITS: readonly ErrorCode[] = ['RC_RATE_LIMITED', 'RC_KEYS_UNAVAILABLE']

/** True of a read that may be sent with `Rollcall-After`. */
export const mayWait = ({ method, access }: Route): boolean => method === 'GET' && access !== 'probe'

/** All codes that a route may refuse with, by status. */
export function refusalsOf(route: Route): Map<number, ErrorCode[]> {
  const { method, path, access, said } = route
  const isParsed = said.query || said.body || path.includes(':')
  const codes: readonly ErrorCode[] = [
    ...OF_ALL,
    ...(access === 'probe' ? [] : access === 'signed' ? (['RC_RATE_LIMITED'] as const) : OF_LIMITS),
    ...(['probe', 'signed', 'anyone'].includes(access) ? [] : (['RC_UNAUTHENTICATED'] as const)),
    ...(isParsed ? (['RC_INVALID_INPUT'] as const) : []),
    ...(method === 'GET' ? [] : OF_BODY),
    ...(mayWait(route) ? OF_WAIT : []),
    ...(said.needs ?? []).flatMap(need => OF_NEED[need]),
    ...(said.codes ?? []),
  ]
  return Map.groupBy(Object.keys(ERRORS).filter(isAmong(codes)), code => ERRORS[code][0])
}

const isAmong =
  (codes: readonly ErrorCode[]) =>
  (code: string): code is ErrorCode =>
    codes.includes(code as ErrorCode)

import { type ErrorCode, RollcallError } from '../../errors.ts'
import type { Bridge } from '../index.ts'

/** The least that a 503 asks for. */
const RETRY_MS = 1_000

const FRAMEWORK_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'RC_BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'RC_UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_CTP_INVALID_JSON_BODY: 'RC_INVALID_JSON',
}

/** An answer that refuses a request. */
interface Refusal {
  status: number
  /** s; undefined where it says nothing of when */
  retryAfter: number | undefined
  body: object
}

/** The refusal that the error means, which is counted. */
export function refusalOf(error: Error & { code?: string; statusCode?: number }, { refusals }: Bridge): Refusal {
  const known = error instanceof RollcallError ? error : fromFramework(error)
  refusals.add(known, error)
  const retryAfterMs = known.status === 503 ? Math.max(known.retryAfterMs, RETRY_MS) : known.retryAfterMs
  const retryAfter = retryAfterMs > 0 ? Math.ceil(retryAfterMs / 1_000) : undefined
  return { status: known.status, retryAfter, body: known.toJSON() }
}

function fromFramework(error: Error & { code?: string; statusCode?: number }): RollcallError {
  const code = FRAMEWORK_CODES[error.code ?? '']
  if (code) return new RollcallError(code)
  if (error instanceof SyntaxError && error.statusCode === 400) return new RollcallError('RC_INVALID_JSON')
  const isClients = (error.statusCode ?? 500) < 500
  return new RollcallError(isClients ? 'RC_BAD_REQUEST' : 'RC_INTERNAL', undefined, { cause: error })
}

import type { JWTPayload, JWTVerifyGetKey, JWTVerifyOptions, JWTVerifyResult } from 'jose'
import { RollcallError } from '../errors.ts'
import type { Time } from '../time.ts'
import type { AuthSettings } from './auth-settings.ts'
import { isId } from './inputs.ts'

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
const HMAC = ['HS256', 'HS384', 'HS512']
/** Errors of jose about keys that did not come as they should; an answer other than 200 is generic. */
const OF_KEYS = ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC']
/** Errors of jose about a signature that is not of these keys. */
const OF_SIGNATURES = [
  'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
  'ERR_JOSE_ALG_NOT_ALLOWED',
  'ERR_JOSE_NOT_SUPPORTED',
  'ERR_JWKS_NO_MATCHING_KEY',
  'ERR_JWKS_MULTIPLE_MATCHING_KEYS',
]
const OF_CLAIMS: Readonly<Record<string, string>> = {
  aud: 'The token is for another audience.',
  iss: 'The token is of another issuer.',
  nbf: 'The token is not valid yet.',
}

/** Clocks of those who mint tokens may differ by that. */
export const SKEW_S = 5

/** A token whose signature, audience, issuer and times hold, and whose names are ids. */
export interface Verified {
  claims: JWTPayload
  subject: string | undefined
  visitor: string | undefined
  /** it is signed by the secret of operators */
  isOfOperators: boolean
}

export type Verify = (token: string) => Promise<Verified>

/** Verifies tokens; throws RC_UNAUTHENTICATED with why, or RC_KEYS_UNAVAILABLE. */
export async function verifier(settings: AuthSettings, time: Time): Promise<Verify> {
  const { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify } = await import('jose')
  const { audience, issuer, operator } = settings
  const demands = { ...(audience !== undefined && { audience }), ...(issuer !== undefined && { issuer }) }
  const options = (algorithms: string[]): JWTVerifyOptions => ({
    ...{ algorithms, clockTolerance: SKEW_S, currentDate: new Date(time.now()) },
    ...demands,
  })
  const bySecret = (secret: string) => {
    const key = new TextEncoder().encode(secret)
    return (token: string): Promise<JWTVerifyResult> => jwtVerify(token, key, options(HMAC))
  }
  const byKeys = (keys: JWTVerifyGetKey) => (token: string) => jwtVerify(token, keys, options(ALGORITHMS))
  const ofAll = 'secret' in settings ? bySecret(settings.secret) : byKeys(createRemoteJWKSet(new URL(settings.jwksUrl)))
  const ofOperators = 'secret' in operator ? bySecret(operator.secret) : null

  const isOf = (codes: readonly string[], error: unknown): boolean =>
    error instanceof errors.JOSEError && codes.includes(error.code)

  const why = (error: unknown): RollcallError => {
    // Keys that could not be had say nothing about the token.
    if (!(error instanceof errors.JOSEError) || isOf(OF_KEYS, error))
      return new RollcallError('RC_KEYS_UNAVAILABLE', undefined, { cause: error })
    if (error instanceof errors.JWTExpired) return unauthenticated('The token has expired.')
    if (isOf(OF_SIGNATURES, error)) return unauthenticated('The token carries no signature that fits.')
    if (!(error instanceof errors.JWTClaimValidationFailed)) return unauthenticated('The token cannot be read.')
    return unauthenticated(OF_CLAIMS[error.claim] ?? 'A claim of the token is not as it must be.')
  }

  const namesOf = (claims: JWTPayload): Omit<Verified, 'isOfOperators'> => {
    const { sub: subject, [settings.visitorClaim]: visitor } = claims
    if (subject !== undefined && !isName(subject)) throw unauthenticated('The subject of the token is no id.')
    if (visitor != null && !isName(visitor)) throw unauthenticated('The visitor of the token is no id.')
    return { claims, subject, visitor: visitor ?? undefined }
  }

  return async token => {
    if (!isReadable(token, decodeProtectedHeader)) throw unauthenticated('The token cannot be read.')
    try {
      if (ofOperators) {
        const operators = await ofOperators(token).catch(error => {
          if (isOf(OF_SIGNATURES, error)) return null
          throw error
        })
        if (operators) return { ...namesOf(operators.payload), isOfOperators: true }
      }
      return { ...namesOf((await ofAll(token)).payload), isOfOperators: false }
    } catch (error) {
      throw error instanceof RollcallError ? error : why(error)
    }
  }
}

/** Tells if it has a header. Verification would find that out too, but takes two stacks for each that has none. */
function isReadable(token: string, headerOf: (token: string) => unknown): boolean {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return headerOf(token) !== undefined
  } catch {
    return false
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

const isName = (value: unknown): value is string => typeof value === 'string' && isId(value)

export const unauthenticated = (message?: string): RollcallError => new RollcallError('RC_UNAUTHENTICATED', message)

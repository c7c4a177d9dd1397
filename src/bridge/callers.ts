import type { FastifyRequest } from 'fastify'
import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import { LRUCache } from 'lru-cache'
import { RollcallError } from '../errors.ts'
import type { Time } from '../time.ts'

/** The sender of a request. */
export interface Caller {
  /** whom the token is of; null: anybody, in dev mode */
  userId: string | null
  /** may act for every user */
  isService: boolean
  /** may also look into actors and effects, and decide about what is parked */
  isOperator: boolean
}

/** The right a route asks for: none at all; a token, for oneself; the scope `service`; the scope `operator`. */
export type Access = 'anyone' | 'user' | 'service' | 'operator'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** only for services unless told */
    access?: Access
  }
  interface FastifyRequest {
    caller: Caller
  }
}

/** Options of routes. */
export const OF_ANYONE = { config: { access: 'anyone' as Access } }
/** For those who watch the process, or prove who they are: behind a proxy all of them have one address. */
export const OF_ANYONE_UNLIMITED = { config: { access: 'anyone' as Access, rateLimit: false } }
export const OF_USER = { config: { access: 'user' as Access } }
export const OF_OPERATOR = { config: { access: 'operator' as Access } }

/** In dev mode, on loopback without any authentication, everybody is this one. */
export const ANYBODY: Caller = { userId: null, isService: true, isOperator: true }

export const NOBODY: Caller = { userId: null, isService: false, isOperator: false }

/** Where tokens are signed: one secret (HS256, HS384, HS512), or the keys under a URL. */
export type AuthSettings = ({ secret: string } | { jwksUrl: string }) & {
  /** what `aud` and `iss` of a token must be; undefined: whatever they are */
  audience?: string | undefined
  issuer?: string | undefined
}

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
const HMAC = ['HS256', 'HS384', 'HS512']
/** Errors of jose about keys that did not come as they should; an answer other than 200 is generic. */
const OF_KEYS = ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC']
const SKEW_S = 5
const CACHED_TOKENS = 100_000
const CACHED_MS = 60_000

/** Finds out by their tokens who callers are; what it found is kept a minute at most, never beyond the token's end. */
export class Callers {
  readonly #settings: AuthSettings
  readonly #time: Time
  readonly #known = new LRUCache<string, Caller>({ max: CACHED_TOKENS })
  #verify: Promise<(token: string) => Promise<JWTPayload>> | undefined

  constructor(settings: AuthSettings, time: Time) {
    this.#settings = settings
    this.#time = time
  }

  /** Throws RC_UNAUTHENTICATED without a valid token. */
  async of({ headers: { authorization } }: FastifyRequest): Promise<Caller> {
    const token = /^Bearer ([\w.~+/=-]+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) throw new RollcallError('RC_UNAUTHENTICATED')
    const known = this.#known.get(token)
    if (known) return known
    this.#verify ??= verifier(this.#settings)
    const verify = await this.#verify
    const claims = await verify(token)
    const caller = callerOf(claims)
    const left = claims.exp === undefined ? CACHED_MS : claims.exp * 1_000 + SKEW_S * 1_000 - this.#time.now()
    const ttl = Math.min(CACHED_MS, Math.floor(left))
    if (ttl > 0) this.#known.set(token, caller, { ttl })
    return caller
  }
}

async function verifier(settings: AuthSettings): Promise<(token: string) => Promise<JWTPayload>> {
  const { createRemoteJWKSet, errors, jwtVerify } = await import('jose')
  const { audience, issuer } = settings
  const demands = { ...(audience !== undefined && { audience }), ...(issuer !== undefined && { issuer }) }
  const verify =
    'secret' in settings
      ? byKey(new TextEncoder().encode(settings.secret))
      : byKeys(createRemoteJWKSet(new URL(settings.jwksUrl)))
  function byKey(secret: Uint8Array) {
    return (token: string) => jwtVerify(token, secret, { algorithms: HMAC, clockTolerance: SKEW_S, ...demands })
  }
  function byKeys(keys: JWTVerifyGetKey) {
    return (token: string) => jwtVerify(token, keys, { algorithms: ALGORITHMS, clockTolerance: SKEW_S, ...demands })
  }
  return async token => {
    try {
      return (await verify(token)).payload
    } catch (error) {
      // Keys that could not be had say nothing about the token.
      const isTokens = error instanceof errors.JOSEError && !OF_KEYS.includes(error.code)
      throw new RollcallError(isTokens ? 'RC_UNAUTHENTICATED' : 'RC_KEYS_UNAVAILABLE')
    }
  }
}

function callerOf({ sub, scope }: JWTPayload & { scope?: unknown }): Caller {
  const scopes = Array.isArray(scope) ? scope : String(scope ?? '').split(' ')
  const isOperator = scopes.includes('operator')
  const isService = isOperator || scopes.includes('service')
  if (sub === undefined && !isService) throw new RollcallError('RC_UNAUTHENTICATED', 'The token names no subject.')
  return { userId: sub ?? null, isService, isOperator }
}

/** In whose name the caller waits; null: nobody's, since services have no bound of their own. */
export const waiterOf = ({ isService, userId }: Caller): string | null => (isService ? null : userId)

/** Throws RC_NOT_ALLOWED unless the caller is this user or a service. */
export function mustBe(caller: Caller, userId: string): void {
  if (!caller.isService && caller.userId !== userId) throw new RollcallError('RC_NOT_ALLOWED')
}

/** Throws RC_NOT_ALLOWED where the caller may not at all. */
export function mustHave(caller: Caller, access: Access): void {
  const may = access === 'operator' ? caller.isOperator : access === 'service' ? caller.isService : true
  if (!may) throw new RollcallError('RC_NOT_ALLOWED')
}

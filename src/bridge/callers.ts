import { LRUCache } from 'lru-cache'
import { RollcallError } from '../errors.ts'
import { type InTrace, traceIn } from '../observe/traces.ts'
import type { Time } from '../time.ts'
import type { AuthSettings } from './auth-settings.ts'
import type { Bucket } from './bucket.ts'
import { SKEW_S, unauthenticated, type Verified, type Verify, verifier } from './tokens.ts'

/** The sender of a request, and the trace that the request belongs to. */
export interface Caller extends InTrace {
  /** whom the token is of: a user, a guest or a service; null: nobody who says so */
  subject: string | null
  /** the user it is; a guest is none */
  userId: string | null
  /** the visitor that its token names */
  visitorId: string | null
  /** may act for every user */
  isService: boolean
  /** may also look into actors and effects, and decide about what is parked */
  isOperator: boolean
}

/**
 * The right a route asks for: none, and no limit either; a signature that the route itself looks at; none; a token, for
 * oneself; the scope `service`; to be an operator; that, or the token of who reads the figures.
 */
export type Access = 'probe' | 'signed' | 'anyone' | 'user' | 'service' | 'operator' | 'scraper'

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller
  }
}

export const NOBODY: Caller = { subject: null, userId: null, visitorId: null, isService: false, isOperator: false }

/** In dev mode, on loopback without any authentication, everybody is this one. */
export const ANYBODY: Caller = { ...NOBODY, isService: true, isOperator: true }

/** Guests are visitors with a token and without an account. */
const GUEST = 'g/'

/** The caller of an id and no more rights, as a subject of NATS names it. */
export const named = (id: string): Caller => ({
  ...{ ...NOBODY, subject: id, visitorId: id },
  userId: id.startsWith(GUEST) ? null : id,
})

/** The caller by a request with this header `traceparent`; what is none counts for nothing. */
export function inTrace(caller: Caller, header: unknown): Caller {
  return header === undefined ? caller : { ...caller, ...traceIn(header) }
}

const CACHED_TOKENS = 100_000
const CACHED_CHARS = 67_108_864
const CACHED_MS = 60_000

interface Known {
  caller: Caller
  /** ms by the wall clock */
  verifiedAt: number
  endsAt: number
}

/** Finds out by their tokens who callers are; each is verified again after a minute, and never taken beyond its end. */
export class Callers {
  readonly #settings: AuthSettings
  readonly #time: Time
  readonly #known = new LRUCache<string, Known>({
    ...{ max: CACHED_TOKENS, maxSize: CACHED_CHARS, sizeCalculation: (_known, token) => token.length },
  })
  /** tokens that are being verified, of which no more are than `unproven` has */
  readonly #looking = new Map<string, Promise<Caller>>()
  #verify: Promise<Verify> | undefined

  constructor(settings: AuthSettings, time: Time) {
    this.#settings = settings
    this.#time = time
  }

  /**
   * Throws RC_UNAUTHENTICATED, with why, without a valid token. Each that is not known takes one of `unproven` and
   * gives it back if it is valid; where none is left, one that was valid a while ago is taken as it is.
   */
  async of(authorization: string | undefined, unproven: Bucket): Promise<Caller> {
    const token = bearerOf(authorization)
    if (token === undefined) throw unauthenticated()
    const known = this.#known.get(token)
    const now = this.#time.now()
    if (known && now < known.endsAt) {
      const isFresh = now - known.verifiedAt < CACHED_MS
      if (isFresh || unproven.waitFor(1) > 0) return known.caller
    }
    // Requests with a token that is not known yet come together when a page begins: it is looked at once for all.
    const looking = this.#looking.get(token)
    if (looking) return looking
    unproven.take(1)
    const found = this.#found(token, now).finally(() => this.#looking.delete(token))
    this.#looking.set(token, found)
    const caller = await found
    unproven.giveBack(1)
    return caller
  }

  async #found(token: string, now: number): Promise<Caller> {
    this.#verify ??= verifier(this.#settings, this.#time)
    const verified = await (await this.#verify)(token)
    const caller = callerOf(verified, this.#settings, now)
    const { exp } = verified.claims
    const endsAt = exp === undefined ? Number.POSITIVE_INFINITY : (exp + SKEW_S) * 1_000
    this.#known.set(token, { caller, verifiedAt: now, endsAt })
    return caller
  }
}

function callerOf({ claims, subject, visitor, isOfOperators }: Verified, settings: AuthSettings, now: number): Caller {
  const { scope, exp } = claims
  const scopes = Array.isArray(scope) ? scope : String(scope ?? '').split(' ')
  const isGuest = scopes.includes('guest')
  const { operator } = settings
  const isOperator = !isGuest && ('secret' in operator ? isOfOperators : scopes.includes(operator.scope))
  const isService = isOperator || (!isGuest && scopes.includes('service'))
  const visitorId = visitor ?? null
  const userId = subject ?? null
  if (isService) return { subject: userId, userId, visitorId, isService, isOperator }
  if (subject === undefined) throw unauthenticated('The token names no subject.')
  if (exp === undefined && settings.requireExp) throw unauthenticated('The token has no end (exp).')
  if (exp !== undefined && (exp - SKEW_S) * 1_000 > now + settings.mostExpMs)
    throw unauthenticated('The token ends too far ahead.')
  if (!isGuest) return { ...NOBODY, subject, userId, visitorId }
  if (!subject.startsWith(GUEST)) throw unauthenticated('The subject of the token is no guest.')
  if (visitorId !== null && visitorId !== subject) throw unauthenticated('The visitor of the token is not its guest.')
  return named(subject)
}

/** The token of a request; undefined: it has none. */
export const bearerOf = (authorization: string | undefined): string | undefined =>
  /^Bearer +([\w.~+/=-]+)$/i.exec(authorization ?? '')?.[1]

/** In whose name the caller waits; null: nobody's, since services have no bound of their own. */
export const waiterOf = ({ isService, userId }: Caller): string | null => (isService ? null : userId)

/** Throws RC_NOT_ALLOWED unless the caller is this user or a service. */
export function mustBe(caller: Caller, userId: string): void {
  if (!caller.isService && caller.userId !== userId) throw new RollcallError('RC_NOT_ALLOWED')
}

/** Throws RC_NOT_ALLOWED where the caller may not at all. */
export function mustHave(caller: Caller, access: Access): void {
  const isForOperators = access === 'operator' || access === 'scraper'
  const may = isForOperators ? caller.isOperator : access === 'service' ? caller.isService : true
  if (!may) throw new RollcallError('RC_NOT_ALLOWED')
}

import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Transform } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isCode, RollcallError } from '../../errors.ts'
import { TRACEPARENT } from '../../observe/traces.ts'
import { type Access, ANYBODY, bearerOf, type Caller, inTrace, mustHave, NOBODY } from '../callers.ts'
import type { Bridge } from '../index.ts'

/** A body is no longer; one that says so is not read. */
export const BODY_BYTES = 1_048_576

/** Bytes a request says it has, as far as they would be read; null: they are counted as they come. */
function declared({ headers }: { headers: IncomingHttpHeaders }): number | null {
  if (headers['transfer-encoding'] !== undefined) return null
  return Math.min(Number(headers['content-length'] ?? 0), BODY_BYTES)
}

/** Bytes of a webhook that may turn out to have been read in vain. */
export const webhookBytes = (request: FastifyRequest): number => declared(request) ?? BODY_BYTES

/**
 * Finds out who the caller is, and holds the request against its limits, before anything else of it is looked at. A
 * request without a valid token is held against the one limit of all of these, then refused.
 */
export async function admitted(
  { callers, limits }: Bridge,
  headers: IncomingHttpHeaders,
  access: Access,
): Promise<Caller> {
  let [caller, refusal]: [Caller, unknown] = [NOBODY, undefined]
  try {
    caller = await callers!.of(headers.authorization, limits.unprovenTokens)
  } catch (error) {
    if (!isCode(error, 'RC_UNAUTHENTICATED')) throw error
    refusal = error
  }
  limits.take(caller, { requests: 1, bytes: declared({ headers }) ?? 0 })
  if (access === 'anyone') return caller
  if (refusal) throw refusal
  mustHave(caller, access)
  return inTrace(caller, headers[TRACEPARENT])
}

export function admission(bridge: Bridge): (request: FastifyRequest) => Promise<void> {
  return async request => {
    const { access = 'service' } = request.routeOptions.config
    request.caller = NOBODY
    if (access === 'probe') return
    if (access === 'signed') return bridge.limits.unprovenWebhooks.take(webhookBytes(request))
    if (access === 'scraper' && isScraper(bridge, request.headers)) return
    request.caller = await admitted(bridge, request.headers, access)
  }
}

/** True of a request with the token of who reads the figures; the time it takes tells nothing of that. */
function isScraper({ settings: { metricsToken } }: Bridge, { authorization }: IncomingHttpHeaders): boolean {
  const given = bearerOf(authorization)
  if (!metricsToken || given === undefined) return false
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', metricsToken, 'buffer'))
}

/**
 * Admits every request of a server. In dev mode all are of services, which have no limit; the figures are for who has
 * their token even there, where one is set.
 */
export function admit(app: FastifyInstance, bridge: Bridge): void {
  const { callers, limits } = bridge
  app.decorateRequest('caller', null as unknown as Caller)
  if (!callers) {
    app.addHook('onRequest', (request, _reply, done) => {
      request.caller = inTrace(ANYBODY, request.headers[TRACEPARENT])
      const isKept = request.routeOptions.config.access === 'scraper' && bridge.settings.metricsToken
      done(isKept && !isScraper(bridge, request.headers) ? new RollcallError('RC_UNAUTHENTICATED') : undefined)
    })
    return
  }
  app.addHook('onRequest', admission(bridge))
  app.addHook('preParsing', (request, _reply, payload, done) => {
    const isCounted = declared(request) !== null || request.routeOptions.config.access === 'signed'
    if (isCounted || request.caller.isService) return done(null, payload)
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, next) {
        try {
          limits.take(request.caller, { bytes: chunk.length })
          next(null, chunk)
        } catch (error) {
          next(error as Error)
        }
      },
    })
    payload.once('error', error => counted.destroy(error))
    done(null, payload.pipe(counted))
  })
}

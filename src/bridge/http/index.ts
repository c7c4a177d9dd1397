import type { RateLimitPluginOptions } from '@fastify/rate-limit'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import { type ErrorCode, RollcallError } from '../../errors.ts'
import { Positions } from '../../log/positions.ts'
import { ANYBODY, type Caller, mustHave, NOBODY, waiterOf } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { isParam } from '../inputs.ts'
import { effectRoutes } from './effects.ts'
import type { InFlight } from './in-flight.ts'
import { intakeRoutes } from './intake.ts'
import { operationRoutes } from './operations.ts'
import { platformRoutes } from './platform.ts'
import { pusherRoutes } from './pusher.ts'
import { readRoutes } from './reads.ts'
import { sessionRoutes } from './sessions.ts'
import { viewerRoutes } from './viewers.ts'
import { webSessionRoutes } from './web-sessions.ts'

const BODY_BYTES = 1_048_576
/** An id of 256 bytes, percent-encoded, and more. */
const PARAM_CHARS = 4_096
const HEADERS_MS = 10_000
const REQUEST_MS = 30_000
/** A connection on which nothing moves for so long, as where an answer is not read, is cut. No answer takes as long. */
const STALLED_MS = 30_000
/** An idle one takes some 13 kB. More are cut as they come. */
const MOST_CONNECTIONS = 10_000
const LIMIT_WINDOW_MS = 60_000
const LIMITED_CALLERS = 100_000

/** The HTTP server, not yet listening. Once it drains it takes no more requests. */
export function httpServer(bridge: Bridge, inFlight: InFlight): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    routerOptions: { maxParamLength: PARAM_CHARS },
    onProtoPoisoning: 'remove',
    onConstructorPoisoning: 'ignore',
    forceCloseConnections: 'idle',
    requestTimeout: REQUEST_MS,
    connectionTimeout: STALLED_MS,
    http: { headersTimeout: HEADERS_MS, connectionsCheckingInterval: HEADERS_MS / 2 },
    clientErrorHandler(_error, socket) {
      const { code, message } = new RollcallError('RC_BAD_REQUEST')
      const body = JSON.stringify({ code, message })
      const head = `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close`
      if (socket.writable) socket.end(`${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
      else socket.destroy()
    },
    frameworkErrors: (error, _request, reply) => refuse(error, reply, bridge),
  })
  app.server.maxConnections = MOST_CONNECTIONS
  app.removeContentTypeParser('text/plain')
  app.setErrorHandler((error: FastifyError, _request, reply) => refuse(error, reply, bridge))
  app.setNotFoundHandler((_request, reply) => refuse(new RollcallError('RC_NOT_FOUND'), reply, bridge))

  app.addHook('onRequest', (request, reply, done) => {
    if (!inFlight.isDraining) inFlight.add(reply.raw)
    else if (request.url !== '/livez') {
      reply.header('connection', 'close')
      return done(new RollcallError('RC_CLOSING'))
    }
    done()
  })
  authenticate(app, bridge)

  if (bridge.callers) app.register(import('@fastify/rate-limit'), limits(bridge))
  // Behind the limits, which have to see the routes.
  app.after(() => routes(app, bridge))
  return app
}

function routes(app: FastifyInstance, bridge: Bridge): void {
  intakeRoutes(app, bridge)
  app.addHook('preHandler', async request => {
    for (const [name, value] of Object.entries(request.params as Record<string, string>)) {
      if (isParam(value)) continue
      const fault = { index: 0, path: name, code: 'invalid_id', message: 'is no id' }
      throw new RollcallError('RC_INVALID_INPUT', undefined, { faults: [fault] })
    }
    const after = request.headers['rollcall-after']
    if (after === undefined || request.method !== 'GET') return
    const { directory, settings } = bridge
    const positions = new Positions().read(String(after), settings.partitions)
    await directory.waiting(waiterOf(request.caller), async () => {
      await directory.mustBeGiven(positions)
      await directory.settled(positions)
    })
  })

  sessionRoutes(app, bridge)
  platformRoutes(app, bridge)
  readRoutes(app, bridge)
  viewerRoutes(app, bridge)
  webSessionRoutes(app, bridge)
  operationRoutes(app, bridge)
  effectRoutes(app, bridge)
  pusherRoutes(app, bridge)
}

/** Finds out who the caller is, before anything of the request is read. */
function authenticate(app: FastifyInstance, { callers }: Bridge): void {
  app.decorateRequest('caller', null as unknown as Caller)
  app.addHook('onRequest', (request, _reply, done) => {
    if (!callers) {
      request.caller = ANYBODY
      return done()
    }
    const { access = 'service' } = request.routeOptions.config
    const known = access === 'anyone' ? Promise.resolve(NOBODY) : callers.of(request)
    known
      .then(caller => {
        mustHave(caller, access)
        request.caller = caller
        done()
      }, done)
      .catch(done)
  })
}

const limits = ({ settings }: Bridge): RateLimitPluginOptions => ({
  ...{ max: settings.rateLimit, timeWindow: LIMIT_WINDOW_MS, cache: LIMITED_CALLERS, hook: 'preHandler' },
  keyGenerator: ({ caller, ip }) => (caller.userId === null ? `ip ${ip}` : `user ${caller.userId}`),
  allowList: ({ caller }) => caller.isService,
  errorResponseBuilder: () => new RollcallError('RC_RATE_LIMITED'),
})

/** Codes of what is no fault: the end, a wait that was in vain or came too early. */
const EXPECTED: ErrorCode[] = ['RC_CLOSING', 'RC_WAIT_TIMEOUT', 'RC_NO_OWNER', 'RC_NOT_READY', 'RC_OVERLOADED']
const RETRY_MS = 1_000

const FRAMEWORK_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'RC_BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'RC_UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_CTP_INVALID_JSON_BODY: 'RC_INVALID_JSON',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'RC_INVALID_JSON',
}

function refuse(error: Error & { code?: string; statusCode?: number }, reply: FastifyReply, bridge: Bridge): void {
  const known = error instanceof RollcallError ? error : fromFramework(error)
  if (known.status >= 500 && !EXPECTED.includes(known.code)) bridge.faults.report('request', error)
  if (known.status === 503) reply.header('retry-after', Math.ceil(Math.max(known.retryAfterMs, RETRY_MS) / 1_000))
  reply.code(known.status).send(known.toJSON())
}

function fromFramework(error: Error & { code?: string; statusCode?: number }): RollcallError {
  const code = FRAMEWORK_CODES[error.code ?? '']
  if (code) return new RollcallError(code)
  if (error instanceof SyntaxError && error.statusCode === 400) return new RollcallError('RC_INVALID_JSON')
  const isClients = (error.statusCode ?? 500) < 500
  return new RollcallError(isClients ? 'RC_BAD_REQUEST' : 'RC_INTERNAL', undefined, { cause: error })
}

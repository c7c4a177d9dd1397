import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { RollcallError } from '../../errors.ts'
import { Positions } from '../../log/positions.ts'
import { NOBODY, waiterOf } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { param } from '../inputs.ts'
import { admission, admit, BODY_BYTES } from './admission.ts'
import { jsonReader, readBytes } from './bytes.ts'
import { effectRoutes } from './effects.ts'
import { feedRoutes } from './feeds.ts'
import { frontRoutes } from './front/index.ts'
import type { InFlight } from './in-flight.ts'
import { inspectRoutes } from './inspect.ts'
import { answerUpgrades, isUpgrade } from './inspect-stately.ts'
import { intakeRoutes } from './intake.ts'
import { countAnswers, metricsRoute } from './metrics.ts'
import { operationRoutes } from './operations.ts'
import { guardOrigins } from './origins.ts'
import { platformRoutes } from './platform.ts'
import { platformReadRoutes } from './platform-reads.ts'
import { pusherRoutes } from './pusher.ts'
import { readRoutes } from './reads.ts'
import { referenceRoutes } from './reference/index.ts'
import { routesOf } from './reference/route.ts'
import { refusalOf } from './refusal.ts'
import { sessionRoutes } from './sessions.ts'
import { ShortWay } from './short-way.ts'
import { viewerRoutes } from './viewers.ts'
import { webSessionRoutes } from './web-sessions.ts'

/** An id of 256 bytes, percent-encoded, and more. */
const PARAM_CHARS = 4_096
const HEADERS_MS = 10_000
const REQUEST_MS = 30_000
/** So long a connection may wait for its next request. */
const IDLE_MS = 72_000
/** The server's clock, in ms, on every answer: clients correct theirs by it. */
const TIME = 'rollcall-time'
/** A connection on which nothing moves for so long, as where an answer is not read, is cut. No answer takes as long. */
const STALLED_MS = 30_000
/** An idle one takes some 13 kB. More are cut as they come. */
const MOST_CONNECTIONS = 10_000
/** A connection on which more requests than these come before an answer is out is cut. */
const MOST_AHEAD = 64
const READS = ['GET', 'HEAD']

/** The HTTP server, not yet listening. Once it drains it takes no more requests. */
export function httpServer(bridge: Bridge, inFlight: InFlight): FastifyInstance {
  const take: RequestListener = (request, response) => {
    const time = String(bridge.time.now())
    if (shortWay.isFor(request, response)) return void shortWay.take(request, response, [TIME, time])
    // Before Fastify, which answers some requests without any hook.
    response.setHeader(TIME, time)
    app.routing(request, response)
  }
  const app: FastifyInstance = Fastify({
    logger: false,
    serverFactory: () => nodeServer(take, bridge),
    // The server refuses them itself.
    clientErrorHandler: () => {},
    bodyLimit: BODY_BYTES,
    routerOptions: { maxParamLength: PARAM_CHARS },
    forceCloseConnections: 'idle',
    frameworkErrors: (error, request, reply) => refuseUnrouted(error, request, reply, bridge),
  })
  answerUpgrades(app)
  const shortWay = new ShortWay(bridge, inFlight, jsonReader(app))
  app.setErrorHandler((error: FastifyError, _request, reply) => refuse(error, reply, bridge))
  app.setNotFoundHandler((_request, reply) => refuse(new RollcallError('RC_NOT_FOUND'), reply, bridge))

  const ahead = new WeakMap<Socket, number>()
  app.addHook('onRequest', ({ raw: { socket } }, { raw }, done) => {
    // Requests of a connection take their turn: the answer before has to be out before work for the next begins.
    if (raw.socket) return done()
    const others = ahead.get(socket) ?? 0
    // Node would read on and on, since nothing is written to it.
    if (others >= MOST_AHEAD) return void socket.destroy()
    ahead.set(socket, others + 1)
    raw.once('socket', () => {
      ahead.set(socket, ahead.get(socket)! - 1)
      done()
    })
  })
  app.addHook('onRequest', (request, reply, done) => {
    if (!inFlight.isDraining) inFlight.add(reply.raw)
    else if (request.url !== '/livez') {
      reply.header('connection', 'close')
      return done(new RollcallError('RC_CLOSING'))
    }
    done()
  })
  countAnswers(app, bridge)
  guardOrigins(app, bridge)
  admit(app, bridge)
  readBytes(app)
  // Routes are made when the server gets ready: a hook on routes that is added until then sees them all.
  app.after(() => routes(app, bridge))
  return app
}

/** A server of Node's with the bounds of this one; `localhost` has one for each of its addresses. */
function nodeServer(take: RequestListener, bridge: Bridge): Server {
  const bounds = { headersTimeout: HEADERS_MS, connectionsCheckingInterval: HEADERS_MS / 2, requestTimeout: REQUEST_MS }
  const options = { ...bounds, keepAliveTimeout: IDLE_MS, shouldUpgradeCallback: isUpgrade }
  const server = createServer(options, take)
  server.setTimeout(STALLED_MS)
  server.maxConnections = MOST_CONNECTIONS
  server.on('clientError', (_error, socket) => refuseBytes(socket, bridge))
  return server
}

function routes(app: FastifyInstance, bridge: Bridge): void {
  const made = routesOf(app)
  intakeRoutes(app, bridge)
  app.addHook('preHandler', async request => {
    for (const [name, value] of Object.entries(request.params as Record<string, string>)) {
      if (param.safeParse(value).success) continue
      const fault = { index: 0, path: name, code: 'invalid_id', message: 'is no id' }
      throw new RollcallError('RC_INVALID_INPUT', undefined, { faults: [fault] })
    }
    if (!READS.includes(request.method) || request.routeOptions.config.access === 'probe') return
    await bridge.turns.next()
    const after = request.headers['rollcall-after']
    if (after === undefined) return
    const { directory, settings } = bridge
    const positions = new Positions().read(String(after), settings.partitions)
    await directory.waiting(waiterOf(request.caller), async () => {
      await directory.mustBeGiven(positions)
      await directory.settled(positions)
    })
    await bridge.turns.next()
  })

  frontRoutes(app, bridge)
  sessionRoutes(app, bridge)
  platformRoutes(app, bridge)
  platformReadRoutes(app, bridge)
  readRoutes(app, bridge)
  viewerRoutes(app, bridge)
  feedRoutes(app, bridge)
  webSessionRoutes(app, bridge)
  operationRoutes(app, bridge)
  metricsRoute(app, bridge)
  effectRoutes(app, bridge)
  inspectRoutes(app, bridge)
  pusherRoutes(app, bridge)
  referenceRoutes(app, bridge, made)
}

function refuse(error: Error & { code?: string; statusCode?: number }, reply: FastifyReply, bridge: Bridge): void {
  const { status, retryAfter, body } = refusalOf(error, bridge)
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  if (isLong(reply.request)) reply.header('connection', 'close')
  reply.code(status).send(body)
}

/** A body of which more is to come than may be read: unless its connection ends, it would be read without end. */
const isLong = ({ raw, headers }: FastifyRequest): boolean =>
  !raw.complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > BODY_BYTES)

/** Refuses what Fastify finds no route for, and so runs no hook on. */
function refuseUnrouted(error: Error, request: FastifyRequest, reply: FastifyReply, bridge: Bridge): void {
  const admitted = bridge.callers ? admission(bridge)(request) : Promise.resolve()
  admitted
    .then(
      () => error,
      refusal => refusal,
    )
    .then(each => refuse(each, reply, bridge))
}

/** Refuses what is no request at all, while those without a token may still send something. */
function refuseBytes(socket: Duplex, { callers, limits, refusals, time }: Bridge): void {
  if (!socket.writable) return void socket.destroy()
  const refusal = new RollcallError('RC_BAD_REQUEST')
  try {
    if (callers) limits.take(NOBODY, { requests: 1 })
  } catch (error) {
    refusals.add(error as RollcallError, error)
    return void socket.destroy()
  }
  refusals.add(refusal, refusal)
  const body = JSON.stringify(refusal)
  const type = 'content-type: application/json\r\nconnection: close'
  const head = `HTTP/1.1 400 Bad Request\r\n${TIME}: ${time.now()}\r\n${type}`
  socket.end(`${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}

import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { WebSocket, WebSocketServer } from 'ws'
import { z } from 'zod'
import { splitId } from '../../../actors/index.ts'
import { RollcallError } from '../../errors.ts'
import { partitionOf } from '../../log/partition-of.ts'
import type { Watched } from '../../shard/index.ts'
import { type Time, within } from '../../time.ts'
import type { Bridge } from '../index.ts'
import { parseOne } from '../inputs.ts'
import type { Streams } from './inspect-streams.ts'
import { of } from './reference/route.ts'
import { framesOf, named } from './stately-frames.ts'

const PATH = '/inspect/stately'
/** The protocol that browsers ask for beside the token, which they can name nowhere else: `new WebSocket(url, [PROTOCOL, 'bearer.…'])`. */
const PROTOCOL = 'rollcall'
const BEARER = 'bearer.'
/** Nothing that a reader says is looked at. */
const MOST_HEARD = 1_024
/** A reader that takes nothing for so long is cut off. */
const STALLED_MS = 30_000

const query = z.object({
  actor: z
    .string()
    .regex(/^[^/]+\/./u, { error: 'must be <kind>/<key>' })
    .max(1_024),
})

const stately = of('operator', {
  ...{ group: 'Inspector', does: "A WebSocket of an actor's frames, as `@statelyai/inspect` 0.7 takes them." },
  more: 'A browser gives its token as the protocol `bearer.<token>`, beside `rollcall`. Without an upgrade it is 400. Nothing that is sent is looked at. It answers no HEAD.',
  ...{ query, needs: ['owner'], codes: ['RC_NOT_FOUND', 'RC_TOO_MANY_WATCHED'] },
  answers: { 101: { type: '', is: 'The connection is a WebSocket.' } },
})

interface Upgrade {
  socket: Socket
  head: Buffer
}

/** Connections that are to become WebSockets, until their requests are answered. */
const upgrades = new WeakMap<IncomingMessage, Upgrade>()

/** Requests for an upgrade here; all others are answered as they come. */
export const isUpgrade = ({ url = '', headers }: IncomingMessage): boolean =>
  url.split('?')[0] === PATH && headers.upgrade?.toLowerCase() === 'websocket'

/** Has requests for WebSockets go the way of all others, by which they are admitted or refused. */
export function answerUpgrades(app: FastifyInstance): void {
  // Node closes these sockets no more, and bounds their time no more.
  const sockets = new Set<Socket>()
  const closeOthers = app.server.closeAllConnections.bind(app.server)
  app.server.closeAllConnections = () => {
    closeOthers()
    for (const socket of sockets) socket.destroy()
  }
  app.server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const response = new ServerResponse(request)
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    // A WebSocket waits for nothing: it ends this itself once it is open.
    socket.setTimeout(STALLED_MS, () => socket.destroy())
    response.shouldKeepAlive = false
    try {
      response.assignSocket(socket)
    } catch {
      // An answer to a request before it is still on its way.
      return void socket.destroy()
    }
    response.once('finish', () => socket.destroySoon())
    const asked = request.headers['sec-websocket-protocol']?.split(',').map(each => each.trim())
    const token = asked?.find(each => each.startsWith(BEARER))
    if (token !== undefined) request.headers.authorization ??= `Bearer ${token.slice(BEARER.length)}`
    upgrades.set(request, { socket, head })
    app.routing(request, response)
  })
}

/** The frames of an actor for Stately's inspector, as its own `createWebSocketReceiver` takes them. */
export function inspectStatelyRoutes(app: FastifyInstance, bridge: Bridge, streams: Streams): void {
  const { directory, faults, settings, time } = bridge
  const origins = new Set(settings.origins)
  let sockets: WebSocketServer | undefined

  app.get(PATH, { ...stately, exposeHeadRoute: false }, async (request, reply) => {
    const { actor } = parseOne(query, request.query, time.now())
    const upgrade = upgrades.get(request.raw)
    if (!upgrade) throw new RollcallError('RC_BAD_REQUEST', 'This is a WebSocket.')
    const { origin, host } = request.headers
    // Pages are held to their origin only where they cannot be told otherwise: without authentication that was done before.
    const isFromHere = origin === undefined || bridge.callers === null || URL.parse(origin)?.host === host
    if (!isFromHere && !origins.has(origin)) throw new RollcallError('RC_NOT_ALLOWED')
    const { kind, key } = splitId(actor)
    const { socket, head } = upgrade
    // Nothing would say any more that its reader is gone.
    if (socket.destroyed) return void reply.hijack()
    const release = streams.take(request.caller, kind)
    const closed = new AbortController()
    socket.once('close', () => {
      release()
      closed.abort()
      reply.raw.emit('close')
    })
    const signal = AbortSignal.any([closed.signal, directory.ending])
    const seen = streams.of(kind, key, signal)
    await seen.next()
    const look = async (): Promise<View> => {
      const view = await directory.owner.actor(partitionOf(key, settings.partitions), kind, key)
      if (!view.snapshot) throw new RollcallError('RC_NOT_FOUND')
      return { after: view.seq, actor: named(view, time.now()) }
    }
    const first = await look()
    const { WebSocketServer } = await import('ws')
    sockets ??= new WebSocketServer({
      ...{ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: MOST_HEARD },
      handleProtocols: asked => (asked.has(PROTOCOL) ? PROTOCOL : false),
    })
    reply.hijack()
    reply.raw.detachSocket(socket)
    sockets.handleUpgrade(request.raw, socket, head, to => {
      signal.addEventListener('abort', () => to.close(1_001), { once: true })
      to.on('error', () => to.terminate())
      tell(to, first, seen, { look, signal, time })
        .catch(error => {
          if (signal.aborted) return
          if (!(error instanceof RollcallError)) faults.report('inspect', error)
          to.terminate()
        })
        .finally(() => to.close())
    })
  })
}

/** An actor as of an entry. */
interface View {
  after: number
  actor: ReturnType<typeof named>
}

async function tell(
  to: WebSocket,
  first: View,
  seen: AsyncIterable<Watched>,
  { look, signal, time }: { look: () => Promise<View>; signal: AbortSignal; time: Time },
): Promise<void> {
  const late = (): RollcallError => new RollcallError('RC_WAIT_TIMEOUT')
  const send = (frames: object[]): Promise<void> => {
    const sent = frames.map(frame => taken(done => to.send(JSON.stringify(frame), done)))
    return within(time, STALLED_MS, Promise.all(sent), late).then(() => {})
  }
  let { after, actor } = first
  await send([actor.born])
  for await (const { frames, lost } of seen) {
    if (signal.aborted) return
    if (lost !== 0) {
      // Their protocol knows no frames that are missing: the actor comes anew, as it is by now.
      ;({ after, actor } = await look())
      await send([actor.born])
    }
    const fresh = frames.filter(({ seq }) => seq > after)
    if (fresh.length > 0) await send(fresh.flatMap(frame => framesOf(actor, frame)))
    else
      await within(
        time,
        STALLED_MS,
        taken(done => to.ping('', false, done)),
        late,
      )
  }
}

const taken = (work: (done: (error?: Error | null) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => work(error => (error ? reject(error) : resolve())))

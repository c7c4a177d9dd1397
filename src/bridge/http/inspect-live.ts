import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { RollcallError } from '../../errors.ts'
import type { Watched } from '../../shard/index.ts'
import type { Bridge } from '../index.ts'
import type { Streams } from './inspect-streams.ts'
import { of } from './reference/route.ts'
import { actorParams } from './snapshot.ts'

const live = of('operator', {
  ...{
    group: 'Inspector',
    does: 'An actor as it goes on, event by event, until the reader leaves.',
    params: actorParams,
  },
  more: 'An event stream: `frame`, a Frame, for each event from here on; `lost` `{frames}`: as many are missing, null: nobody knows how many; `error` `{code, message}`: the last. A caller has 16 at most, a process 64. It answers no HEAD.',
  ...{ needs: ['owner'], codes: ['RC_NOT_FOUND', 'RC_TOO_MANY_WATCHED'] },
  answers: { 200: { type: 'text/event-stream', is: 'Frames as they come.' } },
})

interface OfActor {
  Params: { kind: string; key: string }
}

/** The frames of an actor as they come, as events of a stream; a reader that is slow loses frames, and is told so. */
export function inspectLiveRoutes(app: FastifyInstance, bridge: Bridge, streams: Streams): void {
  const { directory, faults } = bridge
  const options = { ...live, exposeHeadRoute: false }
  app.get<OfActor>('/inspect/actors/:kind/:key/live', options, async ({ params: { kind, key }, caller }, reply) => {
    const { raw } = reply
    // Nothing would say any more that its reader is gone.
    if (raw.destroyed || raw.socket?.destroyed) return void reply.hijack()
    const closed = new AbortController()
    const release = streams.take(caller, kind)
    raw.once('close', () => {
      release()
      closed.abort()
    })
    const signal = AbortSignal.any([closed.signal, directory.ending])
    const seen = streams.of(kind, key, signal)
    // The watch has begun with its first answer, or it is refused.
    await seen.next()
    reply.hijack()
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value)
    raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    raw.write(': watching\n\n')
    signal.addEventListener('abort', () => raw.end(), { once: true })
    tell(raw, seen, signal)
      .catch(error => {
        if (signal.aborted) return
        if (error instanceof RollcallError) raw.write(eventOf('error', error))
        else faults.report('inspect', error)
      })
      .finally(() => raw.end())
  })
}

async function tell(raw: ServerResponse, seen: AsyncIterable<Watched>, signal: AbortSignal): Promise<void> {
  for await (const { frames, lost } of seen) {
    if (signal.aborted) return
    const events = frames.map(frame => eventOf('frame', frame))
    if (lost !== 0) events.unshift(eventOf('lost', { frames: lost }))
    if (!raw.write(events.join('') || ': nothing new\n\n')) await once(raw, 'drain', { signal })
  }
}

const eventOf = (event: string, data: unknown): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`

import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Event } from '../../../actors/event.ts'
import { RollcallError } from '../../errors.ts'
import type { Positions } from '../../log/positions.ts'
import { OF_OPERATOR, OF_USER } from '../callers.ts'
import type { Bridge } from '../index.ts'
import type { Sender } from '../intake.ts'
import { scan } from '../scan.ts'

/** The routes of records: all that is appended to the log as it comes is answered with 202 and its position. */
export function intakeRoutes(app: FastifyInstance, { intake, settings }: Bridge): void {
  const senderOf = (request: FastifyRequest): Sender => ({
    ...{ caller: request.caller, faulty: 'refuse' },
    country: edgeCountry(request.headers, settings.countryHeader),
  })
  app.post('/heartbeats', { config: { ...OF_USER.config, scan } }, async (request, reply) =>
    answer(reply, await intake.heartbeats(request.body, senderOf(request))),
  )
  app.post('/events', OF_USER, async (request, reply) =>
    answer(reply, await intake.webEvents(request.body, senderOf(request))),
  )
}

export function edgeCountry(headers: IncomingHttpHeaders, name: string | null): string | undefined {
  const value = name === null ? undefined : headers[name]
  return typeof value === 'string' && /^[A-Za-z]{2}$/.test(value) ? value.toUpperCase() : undefined
}

/** The event of a decision, but for its kind and its time. */
export type Decided = Omit<Event, 'kind' | 'at' | 'arrival'>

/**
 * Routes by which operators decide about what is parked: `<path>/retry` and `<path>/drop` become events `<kind>.retry` and
 * `<kind>.drop`. `find` answers null if nothing is parked that the path names.
 */
export function decisionRoutes<Params>(
  app: FastifyInstance,
  { append, logger, time }: Bridge,
  kind: string,
  path: string,
  find: (params: Params) => Promise<Decided | null>,
): void {
  for (const verb of ['retry', 'drop']) {
    app.post<{ Params: Params }>(`${path}/${verb}`, OF_OPERATOR, async ({ params, caller }, reply) => {
      const decided = await find(params as Params)
      if (!decided) throw new RollcallError('RC_NOT_FOUND')
      const at = time.now()
      const event = { ...decided, kind: `${kind}.${verb}`, at, arrival: at } as Event
      const positions = await append([event], caller.traceparent)
      logger.info({ operator: caller.subject, act: event.kind, on: decided.effect ?? decided.actor }, 'operator')
      return answer(reply, { accepted: 1, positions })
    })
  }
}

function answer(reply: FastifyReply, { accepted, positions }: { accepted: number; positions: Positions }): object {
  reply.code(202).header('rollcall-position', positions.toString())
  return { accepted }
}

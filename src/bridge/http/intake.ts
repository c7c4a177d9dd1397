import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Event } from '../../../actors/event.ts'
import { RollcallError } from '../../errors.ts'
import type { Positions } from '../../log/positions.ts'
import { accepted } from '../answers.ts'
import type { Bridge } from '../index.ts'
import { heartbeat, many, webEvent } from '../inputs.ts'
import type { Sender } from '../intake.ts'
import { scan } from '../scan.ts'
import { of, type Said } from './reference/route.ts'

const beats = of('user', {
  ...{ group: 'Records', does: 'Says that viewers are there, and where.' },
  more: 'A user sends at most 100 beats at once, of itself alone, no older than `ROLLCALL_LATE_MS` and a minute; a service up to 1,000, no older than `ROLLCALL_HISTORY_MS`. Without `at` it is now. `country` and `groups` count of services alone; without them those of the profile do.',
  ...{ body: many(heartbeat), answers: { 202: accepted }, needs: ['log', 'documents'], codes: ['RC_TOO_MANY_RECORDS'] },
})
const visits = of('user', {
  ...{ group: 'Records', does: 'Says what visitors did.' },
  more: 'A user sends at most 100 at once, no older than a day, of the visitor that its token names or of `u/<sub>`, and may leave out `sessionId`; a service up to 1,000, of any age. Without `id` equal events are one.',
  ...{ body: many(webEvent), answers: { 202: accepted }, needs: ['log'], codes: ['RC_TOO_MANY_RECORDS'] },
})

/** The routes of records: all that is appended to the log as it comes is answered with 202 and its position. */
export function intakeRoutes(app: FastifyInstance, { intake, settings }: Bridge): void {
  const senderOf = (request: FastifyRequest): Sender => ({
    ...{ caller: request.caller, faulty: 'refuse' },
    country: edgeCountry(request.headers, settings.countryHeader),
  })
  app.post('/heartbeats', { config: { ...beats.config, scan } }, async (request, reply) =>
    answer(reply, await intake.heartbeats(request.body, senderOf(request))),
  )
  app.post('/events', visits, async (request, reply) =>
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
 * `<kind>.drop`. `find` answers null if nothing is parked that the path names; `says` has what each of them does.
 */
export function decisionRoutes<Params>(
  app: FastifyInstance,
  { append, logger, time }: Bridge,
  kind: string,
  path: string,
  says: Pick<Said, 'params'> & Record<'retry' | 'drop', string>,
  find: (params: Params) => Promise<Decided | null>,
): void {
  const { retry, drop, params } = says
  for (const [verb, does] of Object.entries({ retry, drop })) {
    const options = of('operator', {
      ...{ group: 'Operating', does, ...(params && { params }) },
      more: 'The log of the program has a line of it.',
      ...{ answers: { 202: accepted }, needs: ['log', 'owner'], codes: ['RC_NOT_FOUND'] },
    })
    app.post<{ Params: Params }>(`${path}/${verb}`, options, async ({ params, caller }, reply) => {
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

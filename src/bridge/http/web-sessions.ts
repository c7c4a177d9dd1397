import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { webSessionOf } from '../../../actors/visitor-day-documents.ts'
import type { WebSession } from '../../../machines/web-sessions.ts'
import { RollcallError } from '../../errors.ts'
import type { Bridge } from '../index.ts'
import { id, parseOne } from '../inputs.ts'
import { NUMBERED, OF_ONE_THING, page, paged, pageOf, placeIn, USUAL } from './pages.ts'
import { of } from './reference/route.ts'
import { eventsBehind, type Found, withEvents } from './web-session-events.ts'
import { sessionsBehind } from './web-session-pages.ts'

const OF_ONE = ['visitor', 'userId', 'partyId'] as const
const listQuery = z
  .object({
    ...{ visitor: id.optional(), userId: id.optional(), partyId: id.optional(), day: z.iso.date().optional() },
    ...page(0),
  })
  .refine(isOneList, {
    ...{ path: ['visitor'], params: { code: 'one_of' } },
    error: 'must be one of visitor, userId, partyId and day, or visitor and day',
  })
const eventsQuery = z.object(page(OF_ONE_THING, NUMBERED))
const source = z.looseObject({
  ...{ source: z.string().optional(), medium: z.string().optional(), campaign: z.string().optional() },
  ...{ keyword: z.string().optional(), content: z.string().optional() },
})
const webSession = z
  .object({
    id: z.string().describe('`<visitor>-<day>`, from the second of a day on with `#<index>`.'),
    ...{ visitorId: z.string(), day: z.iso.date(), index: z.number().int().min(1) },
    openedBy: z.enum(['first', 'day', 'inactivity', 'source']),
    ...{ firstEventAt: z.number().int(), firstPage: z.string(), eventCount: z.number().int().min(1) },
    pageViews: z.number().int().describe('Runs of equal pages, without query and fragment.'),
    singlePage: z.boolean(),
    userId: z.string().nullable().describe('The first that is not empty.'),
    partyId: z.string().optional().describe('The first that is not empty; absent where there is none.'),
    ...{ lastEventAt: z.number().int(), lastPage: z.string(), durationMs: z.number().int() },
    source: source.nullable(),
    truncated: z.literal(true).optional().describe('The day has more than its 20,000 events.'),
    eventIds: z.array(z.string()),
  })
  .meta({ id: 'WebSession' })

const list = of('service', {
  ...{ group: 'Web sessions', does: 'Web sessions of a visitor, a user, a party or a day.' },
  more: "One of `visitor`, `userId`, `partyId` and `day`, or `visitor` and `day`. A visitor's come day by day, 1,000 by default, others in the order of their ids, 100. A page ends early, with `next`, where 20,000 events had to be read for it.",
  ...{ query: listQuery, answers: { 200: pageOf({ webSessions: z.array(webSession) }) }, needs: ['documents'] },
})
const one = of('service', {
  ...{ group: 'Web sessions', does: 'A web session.', answers: { 200: webSession } },
  ...{ needs: ['documents'], codes: ['RC_NOT_FOUND'] },
})
const visits = of('service', {
  ...{ group: 'Web sessions', does: 'The events of a web session, in their order.' },
  ...{ query: eventsQuery, needs: ['documents'], codes: ['RC_NOT_FOUND'] },
  answers: {
    200: pageOf({
      events: z.array(
        z.object({
          id: z.string(),
          sessionId: z.string().describe('The visitor.'),
          ...{ webSessionId: z.string(), ts: z.number().int(), page: z.string() },
          ...{ userId: z.string().optional(), partyId: z.string().optional(), referrer: z.string().optional() },
          source: source.optional(),
        }),
      ),
    }),
  },
})

function isOneList(query: { visitor?: unknown; userId?: unknown; partyId?: unknown; day?: unknown }): boolean {
  const given = OF_ONE.filter(name => query[name] !== undefined)
  return query.day === undefined ? given.length === 1 : given.length === 0 || given.join() === 'visitor'
}

interface WithId {
  Params: { id: string }
}

/** A page has so many events read for it at most, and those of one more visitor's day. */
const EVENTS = 20_000

export function webSessionRoutes(app: FastifyInstance, bridge: Bridge): void {
  const { documents, time } = bridge

  app.get('/web-sessions', list, async request => {
    const { limit: given, ...query } = parseOne(listQuery, request.query, time.now())
    const limit = given || (query.visitor === undefined ? USUAL : OF_ONE_THING)
    const sessions = await sessionsBehind(documents, query, limit)
    const { items, next } = paged(sessions, limit, session => session.id)
    const webSessions: object[] = []
    let read = 0
    for (const some of togetherRead(items, query.visitor !== undefined)) {
      if (read >= EVENTS) return { webSessions, next: items[items.indexOf(some[0]!) - 1]!.id }
      const answer = await withEvents(bridge, some)
      read += answer.read
      webSessions.push(...answer.found.map(shown))
      await time.turn()
    }
    return { webSessions, next }
  })

  const found = async (id: string): Promise<WebSession> => {
    const document = await documents.get('web-sessions', id)
    if (!document) throw new RollcallError('RC_NOT_FOUND')
    return webSessionOf(document)
  }

  app.get<WithId>('/web-sessions/:id', one, async ({ params }) => {
    const [session] = (await withEvents(bridge, [await found(params.id)])).found
    if (!session) throw new RollcallError('RC_NOT_FOUND')
    return shown(session)
  })

  app.get<WithId>('/web-sessions/:id/events', visits, async ({ params, query }) => {
    const { after, limit } = parseOne(eventsQuery, query, time.now())
    const place = after === undefined ? null : placeIn(after)
    const session = await found(params.id)
    const behind = await eventsBehind(bridge, session, place && { ts: place.at, id: place.id }, limit)
    if (!behind) throw new RollcallError('RC_NOT_FOUND')
    const { items, next } = paged(behind, limit, ({ ts, id }) => `${ts}-${id}`)
    const { visitorId } = session
    const events = items.map(({ id, webSessionId, ts, page, ...rest }) => ({
      ...{ id, sessionId: visitorId, webSessionId, ts, page },
      ...rest,
    }))
    return { events, next }
  })
}

const shown = ({ session, events }: Found): WebSession & { eventIds: string[] } => ({
  ...session,
  eventIds: events.map(({ id }) => id),
})

/**
 * The sessions in parts that are read at once, none of which has more events than a day at most: all of a visitor that
 * follow each other; else those of one visitor's day, between which others may lie.
 */
function togetherRead(sessions: readonly WebSession[], isInTime: boolean): WebSession[][] {
  const parts: WebSession[][] = []
  let events = 0
  for (const session of sessions) {
    const part = parts.at(-1)
    const last = part?.at(-1)
    const isOfDay = last?.visitorId === session.visitorId && last.day === session.day
    events += session.eventCount
    if (part && (isInTime ? events <= EVENTS : isOfDay)) part.push(session)
    else {
      parts.push([session])
      events = session.eventCount
    }
  }
  return parts
}

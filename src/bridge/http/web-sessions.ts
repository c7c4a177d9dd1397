import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { webSessionOf } from '../../../actors/visitor-day-documents.ts'
import { parseSessionId, sessionId } from '../../../machines/web-session-id.ts'
import { type Visit, visitsOf, type WebSession } from '../../../machines/web-sessions.ts'
import { RollcallError } from '../../errors.ts'
import type { Bridge } from '../index.ts'
import { id, parseOne } from '../inputs.ts'
import { noPlace, OF_ONE_THING, page, paged, placeIn } from './pages.ts'

const query = z.object({ visitor: id, day: z.iso.date().optional(), ...page(OF_ONE_THING) })
const eventsQuery = z.object(page(OF_ONE_THING))

interface WithId {
  Params: { id: string }
}

/** A visitor's day as documents show it: its sessions, and all their events in order. */
interface ShownDay {
  day: string
  sessions: WebSession[]
  chunks: Visit[][]
}

/** A web session and the day it is of. */
interface Found {
  day: ShownDay
  session: WebSession
}

export function webSessionRoutes(app: FastifyInstance, bridge: Bridge): void {
  app.get('/web-sessions', async request => {
    const { visitor, day, after, limit } = parseOne(query, request.query, bridge.time.now())
    const found = await foundOf(bridge, visitor, day, after, limit)
    const { items, next } = paged(found.sessions, limit, ({ session }) => session.id)
    // Beyond the events of a day, a page ends with the day, however many sessions it has by then.
    const last = found.isCut ? items.at(-1)?.session.id : undefined
    return { webSessions: items.map(shown), next: next ?? last }
  })

  const found = async (id: string): Promise<Found> => {
    const { visitorId, day: name, index } = parseSessionId(id) ?? { visitorId: '', day: '', index: 0 }
    const [day] = await daysOf(bridge, visitorId, name, name)
    const session = day?.sessions[index - 1]
    if (!session) throw new RollcallError('RC_NOT_FOUND')
    return { day: day!, session }
  }

  app.get<WithId>('/web-sessions/:id', async ({ params }) => shown(await found(params.id)))

  app.get<WithId>('/web-sessions/:id/events', async ({ params, query }) => {
    const { after, limit } = parseOne(eventsQuery, query, bridge.time.now())
    const place = after === undefined ? null : placeIn(after)
    const { day, session } = await found(params.id)
    const { visitorId, index } = session
    const isBeyond = ({ ts, id }: Visit): boolean => !place || ts > place.at || (ts === place.at && id > place.id)
    const { items, next } = paged(visitsOf(day, index).filter(isBeyond), limit, ({ ts, id }) => `${ts}-${id}`)
    const events = items.map(({ id, ts, page, ...rest }) => ({
      ...{ id, sessionId: visitorId, webSessionId: session.id, ts, page },
      ...rest,
    }))
    return { events, next }
  })
}

const shown = ({ day, session }: Found): WebSession & { eventIds: string[] } => ({
  ...session,
  eventIds: visitsOf(day, session.index).map(({ id }) => id),
})

const READS = 20
const BETWEEN_READS_MS = 5
/** As many events as a day has at most. */
const EVENTS = 20_000

/** Sessions of a visitor behind a place, more than `limit` or all that are left; `isCut`: there are more days. */
async function foundOf(
  bridge: Bridge,
  visitorId: string,
  day: string | undefined,
  after: string | undefined,
  limit: number,
): Promise<{ sessions: Found[]; isCut: boolean }> {
  const from = after === undefined ? null : parseSessionId(after)
  if (after !== undefined && (from?.visitorId !== visitorId || (day ?? from.day) !== from.day)) throw noPlace()
  const [own] = day || from ? await daysOf(bridge, visitorId, day ?? from!.day, day ?? from!.day) : []
  const sessions = sessionsIn(own).slice(from?.index ?? 0)
  if (day !== undefined || sessions.length > limit) return { sessions, isCut: false }

  const range = from ? { $gt: `${sessionId(visitorId, from.day, 1)}0` } : undefined
  const filter = { visitorId, ...(range && { _id: range }) }
  const heads = await bridge.documents.find('web-sessions', { filter, sort: { _id: 1 }, limit: limit + 1 })
  const counts = new Map<string, number>()
  for (const { day, eventCount } of heads) counts.set(String(day), (counts.get(String(day)) ?? 0) + Number(eventCount))
  const days: string[] = []
  let events = 0
  for (const [day, count] of counts) {
    events += count
    if (days.length > 0 && events > EVENTS) break
    days.push(day)
  }
  if (days.length === 0) return { sessions, isCut: false }
  const later = await daysOf(bridge, visitorId, days[0]!, days.at(-1)!)
  return {
    sessions: [...sessions, ...later.flatMap(sessionsIn)],
    isCut: days.length < counts.size || heads.length > limit,
  }
}

const sessionsIn = (day: ShownDay | undefined): Found[] => day?.sessions.map(session => ({ day, session })) ?? []

/** The days of a visitor from one to another, in order. */
async function daysOf(
  { documents, time }: Bridge,
  visitorId: string,
  first: string,
  last: string,
): Promise<ShownDay[]> {
  // A day's ids are its first session's, which a `#` or `/` may follow.
  const ids = { $gte: sessionId(visitorId, first, 1), $lt: `${sessionId(visitorId, last, 1)}0` }
  const filter = { visitorId, _id: ids }
  for (let read = 1; ; read++) {
    const sessions = (await documents.find('web-sessions', { filter })).map(webSessionOf)
    const chunks = (await documents.find('web-events', { filter })) as unknown as Chunk[]
    const days = assembled(sessions, chunks)
    // Between the two reads the shard may have written; then sessions and events don't add up.
    if (days.every(adds) || read === READS) return days
    await time.sleep(BETWEEN_READS_MS)
  }
}

interface Chunk {
  visitorId: string
  day: string
  index: number
  events: Visit[]
}

function assembled(sessions: WebSession[], chunks: Chunk[]): ShownDay[] {
  const byIndex = (a: { index: number }, b: { index: number }): number => a.index - b.index
  return [...Map.groupBy(sessions, ({ day }) => day)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, sessions]) => {
      const own = chunks.filter(chunk => chunk.day === day).sort(byIndex)
      return { day, sessions: sessions.sort(byIndex), chunks: own.map(({ events }) => events) }
    })
}

const adds = ({ sessions, chunks }: ShownDay): boolean =>
  sessions.reduce((sum, { eventCount }) => sum + eventCount, 0) === chunks.reduce((sum, { length }) => sum + length, 0)

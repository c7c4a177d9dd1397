import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { parseSessionId, sessionId } from '../../../machines/web-session-id.ts'
import { type Visit, visitsOf, type WebSession } from '../../../machines/web-sessions.ts'
import { withId } from '../../documents/answered.ts'
import { RollcallError } from '../../errors.ts'
import type { Bridge } from '../index.ts'
import { id, parseOne } from '../inputs.ts'

const query = z.object({ visitor: id, day: z.iso.date().optional() })

interface WithId {
  Params: { id: string }
}

/** A visitor's day as documents show it: its sessions, and all their events in order. */
interface ShownDay {
  day: string
  sessions: WebSession[]
  chunks: Visit[][]
}

export function webSessionRoutes(app: FastifyInstance, bridge: Bridge): void {
  app.get('/web-sessions', async request => {
    const { visitor, day } = parseOne(query, request.query, bridge.time.now())
    const days = await daysOf(bridge, visitor, day)
    return { webSessions: days.flatMap(day => day.sessions.map(session => shown(day, session))) }
  })

  const found = async (id: string): Promise<{ day: ShownDay; session: WebSession }> => {
    const { visitorId, day: name, index } = parseSessionId(id) ?? { visitorId: '', day: '', index: 0 }
    const [day] = await daysOf(bridge, visitorId, name)
    const session = day?.sessions[index - 1]
    if (!session) throw new RollcallError('RC_NOT_FOUND')
    return { day: day!, session }
  }

  app.get<WithId>('/web-sessions/:id', async ({ params }) => {
    const { day, session } = await found(params.id)
    return shown(day, session)
  })

  app.get<WithId>('/web-sessions/:id/events', async ({ params }) => {
    const { day, session } = await found(params.id)
    const { visitorId, index } = session
    const events = visitsOf(day, index)
    return { events: events.map(({ id, ts, page, ...rest }) => ({ id, sessionId: visitorId, ts, page, ...rest })) }
  })
}

const shown = (day: ShownDay, session: WebSession): WebSession & { eventIds: string[] } => ({
  ...session,
  eventIds: visitsOf(day, session.index).map(({ id }) => id),
})

const READS = 20
const BETWEEN_READS_MS = 5

/** The days of a visitor, or the one named, in order. */
async function daysOf({ documents, time }: Bridge, visitorId: string, day: string | undefined): Promise<ShownDay[]> {
  // A day's ids are its first session's, which a `#` or `/` may follow.
  const first = sessionId(visitorId, day ?? '', 1)
  const filter = day === undefined ? { visitorId } : { _id: { $gte: first, $lt: `${first}0` } }
  for (let read = 1; ; read++) {
    const sessions = (await documents.find('web-sessions', { filter })).map(withId) as unknown as WebSession[]
    const chunks = (await documents.find('web-events', { filter })) as unknown as Chunk[]
    const own = <T extends { visitorId: string }>(items: T[]) => items.filter(item => item.visitorId === visitorId)
    const days = assembled(own(sessions), own(chunks))
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

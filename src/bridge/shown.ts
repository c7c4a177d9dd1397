import { type Visit, visitsOf, type WebSession } from '../../machines/web-sessions.ts'
import type { Document } from '../documents/index.ts'

/** Documents as they are answered: `id` for `_id`, nothing that is only Rollcall's business. */

export function sessionOf({ _id, createdBy: _by, ordinal: _n, ...session }: Document): Record<string, unknown> {
  return { id: _id, ...session, metadata: { name: null, viewerCount: 0, ...(session.metadata as object | undefined) } }
}

export const withId = ({ _id, ...fields }: Document): Record<string, unknown> => ({ id: _id, ...fields })

/** A visitor's sessions of one day, each with the ids of its events. */
export function webSessionsOf(sessions: Document[], chunks: Document[]): (WebSession & { eventIds: string[] })[] {
  const day = dayOf(sessions, chunks)
  return day.sessions.map(session => ({
    ...session,
    eventIds: visitsOf(day, session.index).map(({ id }) => id),
  }))
}

/** The events of one session of the day, as they came in. */
export function eventsOf(sessions: Document[], chunks: Document[], index: number): Record<string, unknown>[] {
  const day = dayOf(sessions, chunks)
  const visitorId = day.sessions[0]?.visitorId
  return visitsOf(day, index).map(({ id, ts, page, ...rest }) => ({ id, sessionId: visitorId, ts, page, ...rest }))
}

interface ShownDay {
  sessions: WebSession[]
  chunks: Visit[][]
}

function dayOf(sessions: Document[], chunks: Document[]): ShownDay {
  const byIndex = (a: { index: number }, b: { index: number }): number => a.index - b.index
  return {
    sessions: sessions.map(document => withId(document) as unknown as WebSession).sort(byIndex),
    chunks: (chunks as unknown as { index: number; events: Visit[] }[]).sort(byIndex).map(({ events }) => events),
  }
}

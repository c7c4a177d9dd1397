import { inactivityOn, type VisitorRules } from './day-rules.ts'
import type { Day, WebSession } from './web-sessions.ts'

/** A visitor's days, and where their sessions stand with the world. */

/** A session's standing with the world: when it is to be closed (null: it is), and whether it was said to be closed. */
export interface Standing {
  closeAt: number | null
  announced: boolean
}

export interface VisitorDay extends Day {
  /** one for each session of the day */
  standings: readonly Standing[]
  /** nobody is shown it: not all of it is here */
  isPartial?: true
  /** its sessions are kept in its head, as the first version did */
  isInline?: true
  /** documents show its events with the ids of their sessions, as former versions did not */
  isNamed?: true
  /** how many documents there were of it when it was adopted */
  adopted?: { sessions: number; chunks: number }
}

export interface VisitorContext {
  /** the earliest day with an event */
  first: string | null
  /** days at hand; closed ones leave memory and are loaded for the event that needs them */
  days: Readonly<Record<string, VisitorDay>>
  /** days with sessions to close, and when the next of them is due */
  open: Readonly<Record<string, number>>
  deadline: number | null
}

/** An announcement of a session, once no event has come for it for a while. */
export type Announcement =
  | { type: 'web-session.closed'; session: WebSession }
  | { type: 'web-session.corrected'; id: string; session: WebSession | null }

const SETTLE_MS = 10_000

/** The day, if it has visits: one of which all went to others is still known, but empty. */
export function dayIn({ days }: VisitorContext, name: string): VisitorDay | undefined {
  const day = days[name]
  return day && !day.isPartial && day.chunks.length > 0 ? day : undefined
}

/** Sessions that changed are open (again) until nothing has come for them for a while. */
export function standing(before: VisitorDay, after: Day, arrival: number, rules: VisitorRules): VisitorDay {
  const { isInline: _, ...day } = after as VisitorDay
  const inactivityMs = inactivityOn(after.day, rules)
  const standings = after.sessions.map((session, i): Standing => {
    const former = before.standings[i]
    if (former && before.sessions[i] === session) return former
    const closeAt = Math.max(session.lastEventAt + inactivityMs, arrival + SETTLE_MS)
    return { closeAt, announced: former?.announced ?? false }
  })
  return { ...day, standings, isNamed: true }
}

/** Corrections of announcements, for sessions that are no more. */
export const vanished = (before: VisitorDay, after: Day): Announcement[] =>
  before.sessions
    .slice(after.sessions.length)
    .filter((_, i) => before.standings[after.sessions.length + i]!.announced)
    .map(({ id }) => ({ type: 'web-session.corrected', id, session: null }))

export function replaced(context: VisitorContext, changed: VisitorDay[]): VisitorContext {
  const days = { ...context.days }
  const open = { ...context.open }
  for (const day of changed) {
    days[day.day] = day
    delete open[day.day]
    for (const { closeAt } of day.standings) {
      if (closeAt !== null) open[day.day] = Math.min(closeAt, open[day.day] ?? closeAt)
    }
  }
  const times = Object.values(open)
  return { ...context, days, open, deadline: times.length > 0 ? Math.min(...times) : null }
}

import { enqueueActions, setup } from 'xstate'
import { localDay } from './local-day.ts'
import { type Day, emptyDay, place, reopened, type Visit, type WebSession } from './web-sessions.ts'

/** A session's standing with the world: when it is to be closed (null: it is), and whether it was said to be closed. */
export interface Standing {
  closeAt: number | null
  announced: boolean
}

export interface VisitorDay extends Day {
  /** one for each session of the day */
  standings: readonly Standing[]
}

export interface VisitorRules {
  zone: string
  inactivityMs: number
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

export type VisitorEvent =
  | { type: 'web-event'; visitorId: string; visit: Visit; arrival: number; rules: VisitorRules }
  | { type: 'deadline'; at: number; rules: VisitorRules }

/** What is said about sessions once no event has come for a while. */
export type Announcement =
  | { type: 'web-session.closed'; session: WebSession }
  | { type: 'web-session.corrected'; id: string; session: WebSession | null }

const SETTLE_MS = 10_000

export const visitor = setup({
  types: {} as { context: VisitorContext; events: VisitorEvent; emitted: Announcement },
  guards: {
    allClosed: ({ context }) => Object.keys(context.open).length === 0,
  },
  actions: {
    visit: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'web-event') return
      const [next, said] = visited(context, event)
      enqueue.assign(next)
      for (const announcement of said) enqueue.emit(announcement)
    }),
    close: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'deadline') return
      const [next, said] = closed(context, event.at)
      enqueue.assign(next)
      for (const announcement of said) enqueue.emit(announcement)
    }),
  },
}).createMachine({
  id: 'visitor',
  initial: 'unknown',
  context: { first: null, days: {}, open: {}, deadline: null },
  states: {
    unknown: { on: { 'web-event': { target: 'active', actions: 'visit' } } },
    active: {
      always: { guard: 'allClosed', target: 'inactive' },
      on: { 'web-event': { actions: 'visit' }, deadline: { actions: 'close' } },
    },
    inactive: { on: { 'web-event': { target: 'active', actions: 'visit' } } },
  },
})

/** The days an event or a deadline touches. */
export function daysOf(context: VisitorContext, event: { ts: number } | { at: number }, rules: VisitorRules): string[] {
  if ('at' in event) return due(context, event.at)
  const day = localDay(event.ts, rules.zone)
  return context.first !== null && day < context.first ? [day, context.first] : [day]
}

const due = (context: VisitorContext, at: number): string[] =>
  Object.keys(context.open)
    .filter(day => context.open[day]! <= at)
    .sort()

function visited(
  context: VisitorContext,
  { visitorId, visit, arrival, rules }: VisitorEvent & { type: 'web-event' },
): [VisitorContext, Announcement[]] {
  const day = localDay(visit.ts, rules.zone)
  const earliest = context.first === null || day < context.first
  const opener = earliest || day === context.first ? 'first' : 'day'
  const before = context.days[day] ?? { ...emptyDay(visitorId, day, opener), standings: [] }
  const after = place(before, visit, rules.inactivityMs)
  if (after === before) return [context, []]

  const changed = [standing(before, after, arrival, rules)]
  const formerlyFirst = earliest && context.first !== null ? context.days[context.first] : undefined
  if (formerlyFirst) changed.push(standing(formerlyFirst, reopened(formerlyFirst, 'day'), arrival, rules))
  const next = replaced(context, changed)
  return [{ ...next, first: earliest ? day : context.first }, vanished(before, after)]
}

/** Sessions that changed are open (again) until nothing has come for them for a while. */
function standing(before: VisitorDay, after: Day, arrival: number, rules: VisitorRules): VisitorDay {
  const standings = after.sessions.map((session, i): Standing => {
    const former = before.standings[i]
    if (former && before.sessions[i] === session) return former
    const closeAt = Math.max(session.lastEventAt + rules.inactivityMs, arrival + SETTLE_MS)
    return { closeAt, announced: former?.announced ?? false }
  })
  return { ...after, standings }
}

function closed(context: VisitorContext, at: number): [VisitorContext, Announcement[]] {
  const said: Announcement[] = []
  const changed = due(context, at).map(name => {
    const day = context.days[name]!
    const standings = day.standings.map(({ closeAt, announced }, i): Standing => {
      if (closeAt === null || closeAt > at) return { closeAt, announced }
      const session = day.sessions[i]!
      said.push(
        announced
          ? { type: 'web-session.corrected', id: session.id, session }
          : { type: 'web-session.closed', session },
      )
      return { closeAt: null, announced: true }
    })
    return { ...day, standings }
  })
  return [replaced(context, changed), said]
}

const vanished = (before: VisitorDay, after: Day): Announcement[] =>
  before.sessions
    .slice(after.sessions.length)
    .filter((_, i) => before.standings[after.sessions.length + i]!.announced)
    .map(({ id }) => ({ type: 'web-session.corrected', id, session: null }))

function replaced(context: VisitorContext, changed: VisitorDay[]): VisitorContext {
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

import { type Ask, type Found, isWhole } from '../machines/adoption.ts'
import { rulesFor } from '../machines/day-rules.ts'
import { daysAround, type Recompute } from '../machines/recompute.ts'
import { daysDue, daysOf, daysOfFound, visitor as machine, type VisitorEvent } from '../machines/visitor.ts'
import type { VisitorContext } from '../machines/visitor-day.ts'
import { DAY_VISITS } from '../machines/visits.ts'
import { sessionId } from '../machines/web-session-id.ts'
import type { Visit, WebSession } from '../machines/web-sessions.ts'
import { type EventOf, typed } from './event.ts'
import { count, fitting, id, instant, list, maybe, name, object, orNull, page } from './fitting.ts'
import { type ActorKind, actorId, type Facts } from './index.ts'
import { changedChunks, fieldsOf } from './visitor-day-documents.ts'
import { changedRecords, withRecord } from './visitor-day-records.ts'

const ADOPT: Ask['type'] = 'visitor-day.adopt'

/** The facts of what a visitor takes. */
export interface VisitorTakes {
  'web-event': { visit: Visit }
  'visitor-day.found': Omit<Found, 'type' | 'visitorId' | 'arrival' | 'rules'>
  'visitor-day.recompute': Pick<Recompute, 'day'>
}

const isDay = (value: unknown): boolean => typeof value === 'string' && /^\d{4,6}-\d\d-\d\d$/.test(value)
const part = maybe(name)
const visit = object({
  ...{ id: id(), ts: instant, page, userId: maybe(name), partyId: maybe(name) },
  referrer: maybe(page),
  source: maybe(object({ source: part, medium: part, campaign: part, keyword: part, content: part })),
})
const FACTS = {
  'web-event': { visit },
  'visitor-day.found': {
    ...{ day: isDay, visits: list(visit, DAY_VISITS), next: orNull(count), first: orNull(isDay), since: count },
    documents: object({ sessions: count, chunks: count }),
  },
  'visitor-day.recompute': { day: isDay },
}

type WebEvent = EventOf<Pick<VisitorTakes, 'web-event'>>

/** The machine's event for web events of one visitor, in the order of the log. */
const received = (events: readonly WebEvent[], { rules, adopts }: Facts): VisitorEvent => ({
  ...{ type: 'web-events', visitorId: events[0]!.key, visits: events.map(({ visit }) => visit) },
  ...{ rules: rulesFor(rules, events[0]!.key) },
  ...{ arrival: Math.max(...events.map(({ arrival }) => arrival)), adopts: adopts() },
})

/** Key: the `sessionId` of web events. Shows web sessions and their events. Its parts are the records of its days. */
export const visitor = {
  kind: 'visitor',
  machine,
  version: 2,
  // A day's sessions had no records of their own; where they are still in its head they are taken from there.
  migrations: { 1: kept => kept },
  takes: ['web-event', 'visitor-day.found', 'visitor-day.recompute'],
  holds: [ADOPT],

  read: event => fitting(event, FACTS),

  receive(event, _context, facts): VisitorEvent {
    if (event.kind === 'web-event') return received([event], facts)
    const more = { visitorId: event.key, rules: rulesFor(facts.rules, event.key) }
    if (event.kind === 'visitor-day.found') return { ...typed(event), ...more }
    return { ...typed(event), ...more, adopts: facts.adopts() }
  },

  together: { kind: 'web-event', receive: (events, _context, facts) => received(events as WebEvent[], facts) },

  needs(context, on, { rules, adopts }) {
    const touched = (): string[] => {
      if (!('kind' in on)) return daysDue(context, on.deadline)
      if (on.kind === 'visitor-day.found') return daysOfFound(context, on)
      if (on.kind === 'visitor-day.recompute') return daysAround(on.day, rulesFor(rules, on.key), adopts())
      return daysOf(context, on.visit.ts, rulesFor(rules, on.key), adopts())
    }
    return touched()
      .filter(day => context.days[day] === undefined)
      .map(day => ['day', day])
  },

  head: ({ days: _days, ...head }) => head,

  parts(before, after) {
    const names = new Set([...Object.keys(after.days), ...Object.keys(before.days)])
    return [...names].flatMap(name => changedRecords(name, before.days[name], after.days[name]))
  },

  withPart: (context, { names: [, name, record], value }) => ({
    ...context,
    days: { ...context.days, [name!]: withRecord(context.days[name!], record, value) },
  }),

  slim(context) {
    const names = Object.keys(context.days)
    if (names.length <= 1) return context
    const newest = names.reduce((a, b) => (a > b ? a : b))
    return { ...context, days: { [newest]: context.days[newest]! } }
  },

  project(before, after, visitorId, projection) {
    const tell = (id: string, session: WebSession | null): void =>
      projection.tell('web-session.updated', actorId('visitor', visitorId), id, session && { session })
    for (const [name, day] of Object.entries(after.days)) {
      const former = before.days[name]
      if (former === day || !isWhole(day)) continue
      const shown = isWhole(former) ? former : undefined
      const count = shown
        ? { sessions: shown.sessions.length, chunks: shown.chunks.length }
        : (day.adopted ?? { sessions: 0, chunks: 0 })
      day.sessions.forEach((session, i) => {
        const isChanged = shown?.sessions[i] !== session
        const isOver = day.standings[i]!.closeAt === null
        if (isChanged) projection.upsert('web-sessions', session.id, fieldsOf(session))
        const wasOver = shown?.standings[i]?.closeAt === null
        if (isChanged || (isOver && !wasOver)) tell(session.id, isOver ? null : session)
      })
      for (let i = day.sessions.length; i < count.sessions; i++) {
        const id = sessionId(visitorId, name, i + 1)
        projection.remove('web-sessions', id)
        tell(id, null)
      }
      const chunkId = (index: number): string => `${visitorId}-${name}/${index}`
      for (const chunk of changedChunks(shown, day)) projection.upsert('web-events', chunkId(chunk.index), { ...chunk })
      for (let i = day.chunks.length; i < count.chunks; i++) projection.remove('web-events', chunkId(i))
    }
  },
} satisfies ActorKind<VisitorContext, EventOf<VisitorTakes>>

import { type Found, isWhole } from '../machines/adoption.ts'
import { daysDue, daysOf, daysOfFound, visitor as machine, type VisitorEvent } from '../machines/visitor.ts'
import type { VisitorContext } from '../machines/visitor-day.ts'
import { sessionId } from '../machines/web-session-id.ts'
import type { Visit } from '../machines/web-sessions.ts'
import type { ActorKind } from './index.ts'
import { changedRecords, withRecord } from './visitor-day-records.ts'

/** Key: the `sessionId` of web events. Shows web sessions and their events. Its parts are the records of its days. */
export const visitor: ActorKind<VisitorContext> = {
  kind: 'visitor',
  machine,
  version: 2,
  // A day's sessions had no records of their own; where they are still in its head they are taken from there.
  migrations: { 1: kept => kept },
  takes: ['web-event', 'visitor-day.found'],

  receive({ kind, key: visitorId, ...event }, _context, { rules, adopts }): VisitorEvent {
    const { arrival } = event
    if (kind === 'visitor-day.found') return { ...(event as object as Found), type: kind, visitorId, rules }
    return { type: 'web-events', visitorId, visits: [event.visit as Visit], arrival, rules, adopts: adopts() }
  },

  needs(context, on, { rules, adopts }) {
    const touched =
      'deadline' in on
        ? daysDue(context, on.deadline as number)
        : on.kind === 'visitor-day.found'
          ? daysOfFound(context, on as object as Found)
          : daysOf(context, (on.visit as Visit).ts, rules, adopts())
    return touched.filter(day => context.days[day] === undefined).map(day => ['day', day])
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
    for (const [name, day] of Object.entries(after.days)) {
      const former = before.days[name]
      if (former === day || !isWhole(day)) continue
      const shown = isWhole(former) ? former : undefined
      const count = shown
        ? { sessions: shown.sessions.length, chunks: shown.chunks.length }
        : (day.adopted ?? { sessions: 0, chunks: 0 })
      day.sessions.forEach((session, i) => {
        if (shown?.sessions[i] === session) return
        const { id, ...fields } = session
        projection.upsert('web-sessions', id, fields)
      })
      for (let i = day.sessions.length; i < count.sessions; i++) {
        projection.remove('web-sessions', sessionId(visitorId, name, i + 1))
      }
      const chunkId = (index: number): string => `${visitorId}-${name}/${index}`
      day.chunks.forEach((events, index) => {
        if (shown?.chunks[index] === events) return
        projection.upsert('web-events', chunkId(index), { visitorId, day: name, index, events })
      })
      for (let i = day.chunks.length; i < count.chunks; i++) projection.remove('web-events', chunkId(i))
    }
  },
}

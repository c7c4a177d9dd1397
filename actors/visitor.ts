import {
  daysOf,
  visitor as machine,
  type VisitorContext,
  type VisitorDay,
  type VisitorEvent,
} from '../machines/visitor.ts'
import type { Chunk, Visit } from '../machines/web-sessions.ts'
import type { ActorKind, Part } from './index.ts'

/** Key: the `sessionId` of web events. Shows web sessions and their events. A part is a day's head or one of its chunks. */
export const visitor: ActorKind<VisitorContext> = {
  kind: 'visitor',
  machine,
  version: 1,
  migrations: {},
  takes: ['web-event'],

  receive(event, _context, { rules }): VisitorEvent {
    return { type: 'web-event', visitorId: event.key, visit: event.visit as Visit, arrival: event.arrival, rules }
  },

  needs(context, on, { rules }) {
    const touched = 'deadline' in on ? { at: on.deadline as number } : { ts: on.at }
    return daysOf(context, touched, rules)
      .filter(day => context.days[day] === undefined)
      .map(day => ['day', day])
  },

  head: ({ days: _days, ...head }) => head,

  parts(before, after) {
    const parts: Part[] = []
    for (const [name, day] of Object.entries(after.days)) {
      const former = before.days[name]
      if (former === day) continue
      const { chunks, ...head } = day
      parts.push({ names: ['day', name], value: { ...head, chunks: chunks.length } })
      chunks.forEach((chunk, i) => {
        if (former?.chunks[i] !== chunk) parts.push({ names: ['day', name, String(i)], value: chunk })
      })
    }
    return parts
  },

  withPart(context, { names: [, name, index], value }) {
    const day = context.days[name!]
    const chunks = [...(day?.chunks ?? [])]
    if (index !== undefined) chunks[Number(index)] = value as Chunk
    const head = index === undefined ? (value as VisitorDay) : day
    return { ...context, days: { ...context.days, [name!]: { ...head!, chunks } } }
  },

  slim(context) {
    const names = Object.keys(context.days)
    if (names.length <= 1) return context
    const newest = names.reduce((a, b) => (a > b ? a : b))
    return { ...context, days: { [newest]: context.days[newest]! } }
  },

  project(before, after, visitorId, projection) {
    for (const [name, day] of Object.entries(after.days)) {
      const former = before.days[name]
      if (former === day) continue
      day.sessions.forEach((session, i) => {
        if (former?.sessions[i] === session) return
        const { id, ...fields } = session
        projection.upsert('web-sessions', id, fields)
      })
      for (const { id } of former?.sessions.slice(day.sessions.length) ?? []) projection.remove('web-sessions', id)
      day.chunks.forEach((events, index) => {
        if (former?.chunks[index] === events) return
        projection.upsert('web-events', `${visitorId}-${name}/${index}`, { visitorId, day: name, index, events })
      })
    }
  },
}

import { type Ask, type Found, isWhole } from '../machines/adoption.ts'
import { daysDue, daysOf, daysOfFound, visitor as machine, type VisitorEvent } from '../machines/visitor.ts'
import type { VisitorContext, VisitorDay } from '../machines/visitor-day.ts'
import { sessionId } from '../machines/web-session-id.ts'
import type { Chunk, Visit } from '../machines/web-sessions.ts'
import { type EventOf, typed } from './event.ts'
import type { ActorKind, Part } from './index.ts'

const ADOPT: Ask['type'] = 'visitor-day.adopt'

/** The facts of what a visitor takes. */
export interface VisitorTakes {
  'web-event': { visit: Visit }
  'visitor-day.found': Omit<Found, 'type' | 'visitorId' | 'arrival' | 'rules'>
}

/** Key: the `sessionId` of web events. Shows web sessions and their events. A part is a day's head or one of its chunks. */
export const visitor = {
  kind: 'visitor',
  machine,
  version: 1,
  migrations: {},
  takes: ['web-event', 'visitor-day.found'],
  holds: [ADOPT],

  receive(event, _context, { rules, adopts }): VisitorEvent {
    const { key: visitorId, arrival } = event
    if (event.kind === 'visitor-day.found') return { ...typed(event), visitorId, rules }
    return { type: event.kind, visitorId, visit: event.visit, arrival, rules, adopts: adopts() }
  },

  needs(context, on, { rules, adopts }) {
    const touched =
      'kind' in on
        ? on.kind === 'visitor-day.found'
          ? daysOfFound(context, on)
          : daysOf(context, on.visit.ts, rules, adopts())
        : daysDue(context, on.deadline)
    return touched.filter(day => context.days[day] === undefined).map(day => ['day', day])
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
    for (const [name, { chunks }] of Object.entries(before.days)) {
      if (name in after.days) continue
      const gone = [['day', name], ...chunks.map((_, i) => ['day', name, String(i)])]
      for (const names of gone) parts.push({ names, value: undefined })
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
} satisfies ActorKind<VisitorContext, EventOf<VisitorTakes>>

import { enqueueActions, setup } from 'xstate'
import { type Ask, adopted, awaited, type Found, isWhole, waitingFor } from './adoption.ts'
import { dayAt, inactivityOn, type VisitorRules } from './day-rules.ts'
import { examples } from './examples.ts'
import { type Recompute, recomputed } from './recompute.ts'
import {
  type Announcement,
  dayIn,
  replaced,
  type Standing,
  standing,
  type VisitorContext,
  vanished,
} from './visitor-day.ts'
import { emptyDay, placed, reopened, type Visit } from './web-sessions.ts'
import { whole } from './whole.ts'

/** Whom web events are about: `unknown → active ⇄ inactive`, with their days as the day rules have them. */

interface WebEvents {
  type: 'web-events'
  visitorId: string
  /** in the order of the log */
  visits: readonly Visit[]
  /** of the latest of them */
  arrival: number
  rules: VisitorRules
  /** documents may know more of the visitor than this actor, of days up to this time (ms); null: they don't */
  adopts: number | null
}

export type VisitorEvent = WebEvents | Found | Recompute | { type: 'deadline'; at: number; rules: VisitorRules }

const machine = setup({
  types: {} as { context: VisitorContext; events: VisitorEvent; emitted: Announcement | Ask },
  guards: {
    mayBeKnown: ({ event }) => 'adopts' in event && event.adopts !== null,
    allClosed: ({ context }) => Object.keys(context.open).length === 0,
  },
  actions: {
    visit: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'web-events') return
      const [next, said] = visited(context, event)
      enqueue.assign(next)
      for (const each of said) enqueue.emit(each)
    }),
    adopt: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'visitor-day.found') return
      const [next, said] = adopted(context, event)
      enqueue.assign(next)
      for (const each of said) enqueue.emit(each)
    }),
    recompute: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'visitor-day.recompute') return
      const [next, said] = recomputed(context, event)
      enqueue.assign(next)
      for (const each of said) enqueue.emit(each)
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
    unknown: {
      description: 'The visitor was never seen. Its first web events lead out, or that documents may know it.',
      on: {
        'web-events': { description: 'The visitor opens its first pages.', target: 'active', actions: 'visit' },
        'visitor-day.recompute': {
          description: 'A day that documents may know is made anew.',
          guard: 'mayBeKnown',
          target: 'active',
          actions: 'recompute',
        },
      },
    },
    active: {
      description: 'The visitor has web sessions that may still grow. As soon as none is left it is inactive.',
      always: {
        description: 'All web sessions are closed, or wait for documents.',
        guard: 'allClosed',
        target: 'inactive',
      },
      on: {
        'web-events': { description: 'The visitor opens more pages, or opened them before.', actions: 'visit' },
        'visitor-day.found': { description: 'Documents told what they know of a day.', actions: 'adopt' },
        'visitor-day.recompute': { description: 'A day is made anew by the rules of now.', actions: 'recompute' },
        deadline: {
          description: 'No page was opened for a while: web sessions are over and announced.',
          actions: 'close',
        },
      },
    },
    inactive: {
      description: 'No web session of the visitor is open. Web events lead out, and what documents know of a day.',
      on: {
        'web-events': { description: 'The visitor is back, or was there before.', target: 'active', actions: 'visit' },
        'visitor-day.found': {
          description: 'Documents told what they know of a day.',
          target: 'active',
          actions: 'adopt',
        },
        'visitor-day.recompute': {
          description: 'A day is made anew by the rules of now.',
          target: 'active',
          actions: 'recompute',
        },
      },
    },
  },
})

export const visitor = whole(machine, examples.visitor)

/** The days an event touches. */
export function daysOf(context: VisitorContext, ts: number, rules: VisitorRules, adopts: number | null): string[] {
  const day = dayAt(ts, rules)
  const days = context.first !== null && day < context.first ? [day, context.first] : [day]
  return adopts === null ? days : [...days, waitingFor(day)]
}

/** The days that what was found touches. */
export const daysOfFound = ({ first }: VisitorContext, found: Pick<Found, 'day' | 'first'>): string[] =>
  [
    ...[found.day, waitingFor(found.day)],
    ...[first, found.first].filter(day => day !== null && day > found.day),
  ] as string[]

/** The days with sessions to be closed. */
export const daysDue = (context: VisitorContext, at: number): string[] =>
  Object.keys(context.open)
    .filter(day => context.open[day]! <= at)
    .sort()

/** The days in their order, so that the earliest decides once which is the visitor's first. */
function visited(context: VisitorContext, event: WebEvents): [VisitorContext, (Announcement | Ask)[]] {
  const days = Map.groupBy(event.visits, ({ ts }) => dayAt(ts, event.rules))
  let next = context
  const said: (Announcement | Ask)[] = []
  for (const day of [...days.keys()].sort()) {
    const [after, more] = visitedOn(next, day, days.get(day)!, event)
    next = after
    said.push(...more)
  }
  return [next, said]
}

function visitedOn(
  context: VisitorContext,
  day: string,
  visits: readonly Visit[],
  event: WebEvents,
): [VisitorContext, (Announcement | Ask)[]] {
  const { visitorId, arrival, rules } = event
  if (mayBeKnown(context, day, event) && !isWhole(context.days[day])) return awaited(context, day, visits, event)
  const earliest = context.first === null || day < context.first
  const opener = earliest || day === context.first ? 'first' : 'day'
  const before = dayIn(context, day) ?? { ...emptyDay(visitorId, day, opener), standings: [] }
  const after = placed(before, visits, inactivityOn(day, rules))
  if (after === before) return [context, []]

  const changed = [standing(before, after, arrival, rules)]
  const formerlyFirst = earliest && context.first !== null ? context.days[context.first] : undefined
  if (formerlyFirst) changed.push(standing(formerlyFirst, reopened(formerlyFirst, 'day'), arrival, rules))
  const next = replaced(context, changed)
  return [{ ...next, first: earliest ? day : context.first }, vanished(before, after)]
}

/** Whether documents may know of the day, or of an earlier one of a visitor who is new here; or it waits for them. */
function mayBeKnown({ first, days }: VisitorContext, day: string, { adopts, rules }: WebEvents): boolean {
  if (adopts === null) return false
  return first === null || days[waitingFor(day)] !== undefined || day <= dayAt(adopts, rules)
}

function closed(context: VisitorContext, at: number): [VisitorContext, Announcement[]] {
  const said: Announcement[] = []
  const changed = daysDue(context, at).map(name => {
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

/**
 * Adoption: the actor begins anew where documents are from before. A day's first event asks for what they know of it;
 * until all of that has come, the day's events wait in a day of their own, and nobody is shown either.
 */
import { inactivityOn, type VisitorRules } from './day-rules.ts'
import { type Announcement, replaced, standing, type VisitorContext, type VisitorDay, vanished } from './visitor-day.ts'
import { emptyDay, placed, reopened, type Visit } from './web-sessions.ts'

/** The question for everything that documents know of a day, from its `from`th visit on. */
export interface Ask {
  type: 'visitor-day.adopt'
  visitorId: string
  day: string
  from: number
  /** of the entry that asked first */
  since?: number
}

/** A part of what documents know of a day. */
export interface Found {
  type: 'visitor-day.found'
  visitorId: string
  day: string
  visits: readonly Visit[]
  /** where to go on; null: that is all */
  next: number | null
  /** how many documents there are of the day */
  documents: { sessions: number; chunks: number }
  /** the visitor's earliest day among the documents */
  first: string | null
  since: number
  arrival: number
  rules: VisitorRules
}

export const waitingFor = (day: string): string => `waiting ${day}`

export const isWhole = (day: VisitorDay | undefined): day is VisitorDay => day !== undefined && !day.isPartial

const ask = (visitorId: string, day: string): Ask => ({
  type: 'visitor-day.adopt',
  ...{ visitorId, day, from: 0 },
})

const partial = (visitorId: string, day: string): VisitorDay => ({
  ...emptyDay(visitorId, day, 'day'),
  ...{ standings: [], isPartial: true },
})

/** With visits that have to wait. */
export function awaited(
  context: VisitorContext,
  day: string,
  visits: readonly Visit[],
  { visitorId, rules }: { visitorId: string; rules: VisitorRules },
): [VisitorContext, Ask[]] {
  const name = waitingFor(day)
  const before = context.days[name] ?? partial(visitorId, name)
  const after = placed(before, visits, inactivityOn(day, rules))
  if (after === before) return [context, []]
  const isAsked = context.days[name] !== undefined || context.days[day] !== undefined
  const next = { ...context, days: { ...context.days, [name]: after } }
  return [next, isAsked ? [] : [ask(visitorId, day)]]
}

/** With the question for a day for which nothing has come. */
export function expected(context: VisitorContext, day: string, visitorId: string): [VisitorContext, Ask[]] {
  const name = waitingFor(day)
  if (context.days[name] !== undefined || context.days[day] !== undefined) return [context, []]
  return [{ ...context, days: { ...context.days, [name]: partial(visitorId, name) } }, [ask(visitorId, day)]]
}

/** With some of what was there before; with the last of it the day counts, and so does what has waited for it. */
export function adopted(context: VisitorContext, found: Found): [VisitorContext, (Ask | Announcement)[]] {
  const { visitorId, day, visits, next: from, rules, since } = found
  const former = context.days[day]
  if (isWhole(former)) return [context, []]
  const filled = placed(former ?? partial(visitorId, day), visits, inactivityOn(day, rules))
  if (from === null) return completed(context, filled, found)
  const next = { ...context, days: { ...context.days, [day]: filled } }
  return [next, [{ ...ask(visitorId, day), from, since }]]
}

function completed(
  context: VisitorContext,
  { isPartial: _, ...filled }: VisitorDay,
  { visitorId, day, documents, first, arrival, rules }: Found,
): [VisitorContext, (Ask | Announcement)[]] {
  const { [waitingFor(day)]: waiting, ...days } = context.days
  const standings = filled.sessions.map(() => ({ closeAt: null, announced: true }))
  const before = { ...reopened(filled, day === first ? 'first' : 'day'), standings, adopted: documents }
  const known = [context.first, first].filter(each => each !== null).sort()[0]
  const isFirst = known === undefined || day <= known

  const opened = reopened(before, isFirst ? 'first' : 'day')
  const after = standing(before, placed(opened, waiting?.chunks.flat() ?? [], inactivityOn(day, rules)), arrival, rules)
  const changed = [after]
  const asks: Ask[] = []
  if (isFirst && known !== undefined && known !== day) {
    const formerlyFirst = days[known]
    if (isWhole(formerlyFirst)) changed.push(standing(formerlyFirst, reopened(formerlyFirst, 'day'), arrival, rules))
    else asks.push(ask(visitorId, known))
  }
  return [
    { ...replaced({ ...context, days }, changed), first: isFirst ? day : known },
    [...asks, ...vanished(before, after)],
  ]
}

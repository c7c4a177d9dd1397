/**
 * A visitor's day anew by the rules that hold now, from the visits that are kept: those that are of another day by now
 * go there. Sessions that come out as they were stand with the world as they did, but are shown again.
 */
import { type Ask, expected, isWhole, waitingFor } from './adoption.ts'
import { dayAt, inactivityOn, type VisitorRules } from './day-rules.ts'
import {
  type Announcement,
  dayIn,
  replaced,
  standing,
  type VisitorContext,
  type VisitorDay,
  vanished,
} from './visitor-day.ts'
import { emptyDay, placed, reopened, type Visit, type WebSession } from './web-sessions.ts'

export interface Recompute {
  type: 'visitor-day.recompute'
  visitorId: string
  day: string
  arrival: number
  rules: VisitorRules
  /** documents may know of days that the actor does not, see `WebEvents` */
  adopts: number | null
}

const DAY_MS = 86_400_000
/** Local days of an instant are of no more than three dates: zones are up to 26 hours apart. */
const AROUND = [-2, -1, 0, 1, 2]

/** The days that it may touch: those around it, where rules were ever changed. */
export const daysAround = (day: string, rules: VisitorRules, adopts: number | null): string[] => [
  ...(adopts === null ? [] : [waitingFor(day)]),
  ...(rules.changes ? AROUND.map(n => new Date(Date.parse(day) + n * DAY_MS).toISOString().slice(0, 10)) : [day]),
]

export function recomputed(context: VisitorContext, event: Recompute): [VisitorContext, (Announcement | Ask)[]] {
  const { visitorId, day: name, arrival, rules } = event
  const former = context.days[name]
  if (!isWhole(former)) return event.adopts === null ? [context, []] : expected(context, name, visitorId)
  const { [name]: staying = [], ...moving } = visitsByDay(former, rules)
  const first = firstOf(context, name, staying.length > 0, Object.keys(moving))
  const openerOf = (day: string): 'first' | 'day' => (day === first ? 'first' : 'day')

  const { truncated, ...rest } = former
  const blank = { ...rest, opener: openerOf(name), chunks: [], sessions: [] }
  const kept = staying.length > 0 && truncated ? { ...blank, truncated } : blank
  const after = placed(kept, staying, inactivityOn(name, rules))
  const changed = new Map([[name, standing(withSame(former, after.sessions), after, arrival, rules)]])
  const said: Announcement[] = vanished(former, after)
  for (const [day, visits] of Object.entries(moving)) {
    const before = dayIn(context, day) ?? { ...emptyDay(visitorId, day, openerOf(day)), standings: [] }
    const after = placed(before, visits!, inactivityOn(day, rules))
    changed.set(day, standing(before, after, arrival, rules))
    said.push(...vanished(before, after))
  }
  for (const day of [context.first, first]) {
    const known = day === null ? undefined : (changed.get(day) ?? context.days[day])
    if (known && known.opener !== openerOf(known.day)) {
      changed.set(known.day, standing(known, reopened(known, openerOf(known.day)), arrival, rules))
    }
  }
  return [{ ...replaced(context, [...changed.values()]), first }, said]
}

const visitsByDay = ({ chunks }: VisitorDay, rules: VisitorRules): Partial<Record<string, Visit[]>> =>
  Object.fromEntries(Map.groupBy(chunks.flat(), ({ ts }) => dayAt(ts, rules)))

/** The visitor's earliest day with visits: where a day became empty, those around it are at hand. */
function firstOf(context: VisitorContext, day: string, stays: boolean, moved: string[]): string | null {
  const others = Object.keys(context.days).filter(each => each !== day && dayIn(context, each) !== undefined)
  const known = context.first !== day ? [context.first] : stays ? [day] : others
  return [...known, ...moved].filter(each => each !== null).sort()[0] ?? null
}

/** The day with the sessions that come out as they were in the place of its own. */
const withSame = (day: VisitorDay, sessions: readonly WebSession[]): VisitorDay => ({
  ...day,
  sessions: day.sessions.map((session, i) => (isSame(session, sessions[i]) ? sessions[i]! : session)),
})

function isSame(session: WebSession, other: WebSession | undefined): boolean {
  const sorted = (each: object): string => JSON.stringify(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
  return other !== undefined && sorted(session) === sorted(other)
}

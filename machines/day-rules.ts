import { localDay } from './local-day.ts'

/**
 * The rules by which visits make days and sessions, and how they were changed. Which of them hold for a visit depends on
 * when it was, never on when it came: whatever is late or sent again finds its day.
 */

export interface RuleChange {
  /** ms; visits from here on go by it */
  from: number
  zone: string
  inactivityMs: number
  /** whose visits; everybody's, if there is no list */
  visitors?: readonly string[]
  /** the day in which it begins, which nobody makes anew, keeps its inactivity */
  isFromNextDay?: true
}

export interface VisitorRules {
  zone: string
  inactivityMs: number
  /** in the order in which they were made: the last that holds counts */
  changes?: readonly RuleChange[]
}

/** Changes that are remembered; of more the first is forgotten, and its days go by the rules before it. */
const MOST_CHANGES = 100

export function withChange(changes: readonly RuleChange[] | undefined, change: RuleChange): RuleChange[] {
  const isOfAll = change.visitors === undefined && change.isFromNextDay === undefined
  const kept = (changes ?? []).filter(({ from }) => !isOfAll || from < change.from)
  return [...kept, change].slice(-MOST_CHANGES)
}

/** The rules as far as they are about the visitor. */
export function rulesFor<R extends VisitorRules>(rules: R, visitorId: string): R {
  if (!rules.changes?.some(({ visitors }) => visitors !== undefined)) return rules
  return { ...rules, changes: rules.changes.filter(({ visitors }) => visitors?.includes(visitorId) ?? true) }
}

/** The local day of a visit at `ts`. A later visit is never of an earlier day: where the zone changes a day is longer, or shorter. */
export const dayAt = (ts: number, rules: VisitorRules): string =>
  rules.changes === undefined ? localDay(ts, rules.zone) : dayBy(ts, rules, rules.changes.length)

/** The day by the first `count` changes. */
function dayBy(ts: number, rules: VisitorRules, count: number): string {
  for (let i = count - 1; i >= 0; i--) {
    const { from, zone } = rules.changes![i]!
    if (ts < from) continue
    const [day, before] = [localDay(ts, zone), dayBy(from - 1, rules, i)]
    return day < before ? before : day
  }
  return localDay(ts, rules.zone)
}

/** The inactivity of a day, which is one for all of it: a change counts from the day on in which it begins, or the next. */
export function inactivityOn(day: string, rules: VisitorRules): number {
  const change = rules.changes?.findLast(({ from, isFromNextDay }) => {
    const first = dayAt(from, rules)
    return isFromNextDay ? first < day : first <= day
  })
  return (change ?? rules).inactivityMs
}

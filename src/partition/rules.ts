import type { Event } from '../../actors/event.ts'
import { count, id, instant, list, maybe, object, oneOf } from '../../actors/fitting.ts'
import { type RuleChange, withChange } from '../../machines/day-rules.ts'
import { localDay } from '../../machines/local-day.ts'

/** Visitors that a change may be for, where it is not for all. */
export const MOST_VISITORS = 1_000

const isZone = (zone: unknown): boolean => {
  try {
    return typeof zone === 'string' && localDay(0, zone) !== ''
  } catch {
    // There is no such zone.
    return false
  }
}
const isMoment = (value: unknown): boolean => count(value) && instant(value)
const fits = object({
  ...{ kind: oneOf('rules'), at: isMoment, from: isMoment, zone: isZone, inactivityMs: count },
  visitors: maybe(list(id(), MOST_VISITORS)),
})

/** The facts of a change of rules: for some visitors alone, if there is a list, and from when it happened on for everybody. */
export type RulesFacts = Omit<RuleChange, 'visitors'> & { visitors?: readonly string[] | null }

/** The changes with those that the event makes; the very same if it makes none. */
export function changedBy(event: Event, changes: readonly RuleChange[] | undefined): readonly RuleChange[] | undefined {
  if (event.kind !== 'rules' || !fits(event)) return changes
  const { from, zone, inactivityMs, visitors } = event as Event & RulesFacts
  const change = { from, zone, inactivityMs }
  if (!visitors) return withChange(changes, change)
  return withChange(withChange(changes, { ...change, from: event.at }), { ...change, visitors })
}

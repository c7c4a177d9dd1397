import type { Event } from '../../actors/event.ts'
import { count, id, instant, list, maybe, object, oneOf } from '../../actors/fitting.ts'
import type { Rules } from '../../actors/index.ts'
import { type RuleChange, type VisitorRules, withChange } from '../../machines/day-rules.ts'
import { localDay } from '../../machines/local-day.ts'
import type { CheckpointRecord, RecordKey } from '../checkpoint/index.ts'

/** Visitors that a change may be for, where it is not for all. */
export const MOST_VISITORS = 100

const isZone = (zone: unknown): boolean => {
  try {
    return typeof zone === 'string' && localDay(0, zone) !== ''
  } catch {
    // A zone that is none makes it throw.
    return false
  }
}
const isMoment = (value: unknown): boolean => count(value) && instant(value)
const fits = object({
  ...{ kind: oneOf('rules'), at: isMoment, from: isMoment, zone: isZone, inactivityMs: count },
  ...{ visitors: maybe(list(id(), MOST_VISITORS)), othersFrom: maybe(isMoment) },
})

/**
 * The facts of a change of rules: for some visitors alone, if there is a list, and for all others from later on, which
 * has to be after every visit that came before; former versions said nothing of it.
 */
type RulesFacts = Omit<RuleChange, 'visitors' | 'isFromNextDay'> & {
  visitors?: readonly string[] | null
  othersFrom?: number | null
}

/** The rules with the changes that the event makes; the very same if it makes none. */
export function changedBy(event: Event, rules: Rules): Rules {
  if (event.kind !== 'rules' || !fits(event)) return rules
  const { from, zone, inactivityMs, visitors, othersFrom } = event as Event & RulesFacts
  const change = { from, zone, inactivityMs }
  if (!visitors) return { ...rules, changes: withChange(rules.changes, change) }
  const forOthers = othersFrom ? { from: othersFrom, isFromNextDay: true as const } : { from: event.at }
  const later = withChange(rules.changes, { ...change, ...forOthers })
  return { ...rules, changes: withChange(later, { ...change, visitors }) }
}

/** The rules of a partition: those that its log was made with, as its events changed them. */
export class PartitionRules {
  now: Rules
  readonly #made: Rules
  #hasNews = false

  constructor(made: Rules) {
    this.#made = made
    this.now = made
  }

  restore(changes: readonly RuleChange[]): void {
    this.now = { ...this.now, changes }
  }

  hear(event: Event): void {
    const next = changedBy(event, this.now)
    if (next !== this.now) this.#hasNews = true
    this.now = next
  }

  takeRecords(): { puts: CheckpointRecord[]; removes: RecordKey[] } {
    const changes = this.now.changes ?? []
    const [first] = changes
    const isWhole = first?.from === 0 && first.visitors === undefined
    // A log that took the place of a lost one says that it was made with the rules of its own beginning.
    const puts = this.#hasNews ? [rulesRecord(isWhole ? changes : [always(this.#made), ...changes])] : []
    this.#hasNews = false
    return { puts, removes: [] }
  }
}

export const rulesRecord = (value: readonly RuleChange[]): CheckpointRecord => ({
  ...{ space: 'aggregate', names: ['rules'], value },
})

/** The rules of all time, as the first of changes. */
export const always = ({ zone, inactivityMs }: VisitorRules): RuleChange => ({ from: 0, zone, inactivityMs })

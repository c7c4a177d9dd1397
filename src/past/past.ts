import type { ActorKind, Rules } from '../../actors/index.ts'
import { startsOf } from '../checkpoint/start.ts'
import type { Seq } from '../log/index.ts'
import { type Budget, type DerivationParts, type Derived, derive, type Underived } from './derivation.ts'
import type { Past } from './index.ts'

/** Events that are read for one answer, and for how long. */
const MOST_EVENTS = 10_000_000
const MOST_MS = 10_000

interface Order {
  partition: number
  kind: ActorKind
  key: string
  limit: number
  rules: Rules
  until: Seq
  /** as in a budget */
  stop: Int32Array
}

/**
 * The last steps of an actor. The newest copy of the state is begun with, since the least is to be read from there on,
 * and earlier ones are as long as there are fewer steps than asked for.
 */
export async function pastOf(order: Order, parts: DerivationParts): Promise<Past> {
  const { partition, limit, until, stop } = order
  const { log, slices, time } = parts
  const bounds = await log.bounds(partition)
  if (!bounds) return nothing(until, 'There is no log.')
  const starts = await startsOf(log, slices, { partition, bounds, cut: until })
  const budget: Budget = { events: MOST_EVENTS, until: time.monotonic() + MOST_MS, stop }
  let best: Derived | undefined
  let failed: Underived | undefined
  for (const start of starts.toReversed()) {
    const derived = await derive(order, parts, { start, first: bounds.first, until, limit, budget })
    if (derived.stopped !== null) {
      failed = derived
      break
    }
    best = derived
    if (derived.trail.count >= limit) break
  }
  if (!best) return nothing(until, failed ? whyNot(failed) : untold(bounds.first))
  return told(best, failed ? whyNot(failed) : untold(bounds.first))
}

const nothing = (until: Seq, reason: string): Past => ({
  ...{ since: { seq: until + 1, at: null }, reason, before: null, steps: [] },
})

function told({ start, trail, firstAt }: Derived, reason: string): Past {
  const { steps, count } = trail
  const before = trail.before(steps.length)
  const [first] = steps
  if (first && count > steps.length) {
    const text = `These are the last ${steps.length} of ${count} steps since ${since(start)}.`
    return { since: { seq: first.seq, at: first.at }, reason: text, before, steps }
  }
  if (count > steps.length) {
    const text = 'A step of it could not be shown.'
    return { since: { seq: (start?.cut ?? 0) + 1, at: null }, reason: text, before: null, steps }
  }
  const from = start ? { seq: start.cut + 1, at: start.at } : { seq: 1, at: firstAt }
  return { since: from, reason: start && reason, before, steps }
}

const since = (start: Derived['start']): string =>
  start ? `entry ${start.cut + 1}, where its state was kept` : 'the beginning of the log'

const untold = (first: Seq): string =>
  `The log begins at entry ${first}, and no state from before the entries that it holds is kept.`

const whyNot = ({ start, stopped }: Underived): string =>
  stopped === 'damage'
    ? 'An entry of the log that would be needed is damaged or gone.'
    : `There is more to be read since ${since(start)}, than ${MOST_EVENTS} events or for ${MOST_MS / 1_000} s.`

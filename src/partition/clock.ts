import type { Event } from '../../actors/event.ts'
import type { Seq } from '../log/index.ts'

/** A partition's sense of time, and of whose ticks and verdicts count: all of it is from the log. */
export interface Clock {
  /** partition time: of the owner's newest claim or tick; 0: none of them is known */
  time: number
  /** of the newest claim in the log; ticks of older ones don't count */
  epoch: number
  /** entries to come whose retries and drops a former version applied before their turn, in order */
  ahead?: Seq[]
  /** up to when (ms) documents may know what the checkpoint does not; null: the checkpoint knows all */
  adopts: number | null
}

/** Partition time goes back only where it is so far ahead of its owner: a wrong clock told it. */
const WRONG_MS = 120_000
/** Arrivals may be so much later than the owner's last word: it comes every hour, but not while there is no owner. */
const FURTHEST_MS = 86_400_000

/** Partition time is to be told anew, where that is the time for its owner. */
export const isWrong = ({ time }: Clock, now: number): boolean => now < time - WRONG_MS

/** Takes an owner's claim or tick; false if the event is none, or of a former owner. */
export function tell(clock: Clock, { kind, epoch, at, since }: Event): boolean {
  if ((kind !== 'claim' && kind !== 'tick') || !Number.isSafeInteger(epoch) || !Number.isFinite(at)) return false
  // Where a checkpoint was lost or put back, its epochs begin anew: the owner says so to the last of those before.
  if (kind === 'claim') clock.epoch = since === clock.epoch ? (epoch as number) : Math.max(clock.epoch, epoch as number)
  if (epoch !== clock.epoch) return false
  clock.time = isWrong(clock, at) ? at : Math.max(clock.time, at)
  return true
}

/** Later than this no arrival counts: one that is further ahead than any can be stops no deadline for longer than a day. */
export const latestArrival = ({ time }: Clock): number => (time === 0 ? Number.POSITIVE_INFINITY : time + FURTHEST_MS)

/** The event as it counts. */
export function counted(event: Event, clock: Clock): Event {
  const latest = latestArrival(clock)
  return event.arrival <= latest ? event : { ...event, arrival: latest }
}

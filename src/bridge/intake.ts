import type { z } from 'zod'
import type { Event } from '../../actors/event.ts'
import { type Fault, RollcallError } from '../errors.ts'
import { Minute } from '../inspect/minute.ts'
import type { Append } from '../log/append.ts'
import { Positions } from '../log/positions.ts'
import { isKept } from '../observe/traces.ts'
import type { SteadyTime } from '../time.ts'
import type { Caller } from './callers.ts'
import { areTimely, heartbeat, ownWebEvent, parseMany, sift, type Window, webEvent } from './inputs.ts'
import type { Limits } from './limits.ts'
import { Scanned } from './scan.ts'
import type { Stamp } from './stamp.ts'
import type { Turns } from './turns.ts'
import { webEvents } from './web-events.ts'

/** A sender of records, as its door knows it. */
export interface Sender {
  caller: Caller
  /** what becomes of a list with faulty records: nothing of it is taken, or all but these, which are answered */
  faulty: 'refuse' | 'skip'
  /** as the edge says */
  country?: string | undefined
}

/** When records arrived, and the times that they may be of. */
interface Arrived {
  arrival: number
  window: Window
}

/** Records as they were taken. */
export interface Taken {
  accepted: number
  /** empty where nothing was accepted */
  positions: Positions
  /** those of the records that were skipped */
  faults: Fault[]
}

export interface IntakeOptions {
  settings: {
    /** as far behind its viewer's newest a heartbeat counts */
    lateMs: number
    /** as far back a service's heartbeat may lie */
    historyMs: number
  }
  append: Append
  stamp: Stamp
  limits: Limits
  turns: Turns
  time: SteadyTime
}

/** Records a user sends at once. */
const MOST_OF_USER = 100
/** As much later than it may count a user's heartbeat may come: what another one was held against may be later. */
const SLACK_MS = 60_000
/** As far back a user's web event may lie: an outage, a flight. */
const AWAY_MS = 86_400_000

/** Heartbeats and web events, by whichever door they come: limited, parsed, permitted, stamped, appended, in this order. */
export class Intake {
  readonly #options: IntakeOptions
  readonly #since: number
  readonly #beats = new Minute()

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#since = options.time.monotonic()
  }

  /** Heartbeats that were accepted, a second, in the last minute. */
  get beatsASecond(): number {
    const now = this.#options.time.monotonic()
    const seconds = Math.min(60, Math.max(1, (now - this.#since) / 1_000))
    return (this.#beats.sums(now).accepted ?? 0) / seconds
  }

  /** `input` may have been scanned. */
  async heartbeats(input: unknown, sender: Sender): Promise<Taken> {
    const { caller, country } = sender
    const { settings, stamp, append, turns } = this.#options
    const backMs = caller.isService ? settings.historyMs : settings.lateMs + SLACK_MS
    if (this.#held(input, caller) > MOST_OF_USER) await turns.next()
    const arrived = this.#arrived(backMs)
    const { arrival, window } = arrived
    // Rows have no room for a trace: a user would decide what its beats cost.
    const isTraced = caller.isService && isKept(caller.traceparent)
    if (input instanceof Scanned && !isTraced && areTimely(input.ats, arrival, window)) {
      if (!caller.isService && !input.areOf(caller.subject)) throw new RollcallError('RC_NOT_ALLOWED')
      const columns = await stamp.columns(input, arrival, country, caller.isService)
      if (columns) return this.#counted({ accepted: input.length, positions: await append(columns), faults: [] })
    }
    const records = input instanceof Scanned ? input.records() : input
    const { traceparent: _, ...untraced } = caller
    const known = isTraced ? sender : { ...sender, caller: untraced }
    const taken = await this.#take(records, known, arrived, heartbeat, beats => {
      const isOther = ({ userId }: { userId: string }): boolean => userId !== caller.subject
      if (!caller.isService && beats.some(isOther)) throw new RollcallError('RC_NOT_ALLOWED')
      return stamp.heartbeats(beats, arrival, country, caller.isService)
    })
    return this.#counted(taken)
  }

  #counted(taken: Taken): Taken {
    if (taken.accepted > 0) this.#beats.add('accepted', this.#options.time.monotonic(), taken.accepted)
    return taken
  }

  async webEvents(input: unknown, sender: Sender): Promise<Taken> {
    const { caller } = sender
    if (this.#held(input, caller) > MOST_OF_USER) await this.#options.turns.next()
    const arrived = this.#arrived(caller.isService ? undefined : AWAY_MS)
    const { arrival } = arrived
    if (caller.isService)
      return this.#take(input, sender, arrived, webEvent, async events => webEvents(events, arrival))
    return this.#take(input, sender, arrived, ownWebEvent, async events => {
      const own = events.map(event => ({ ...event, ...namesOf(event, caller) }))
      return webEvents(own, arrival)
    })
  }

  /** Holds records against what their sender may send. Answers how many they are. */
  #held(input: unknown, caller: Caller): number {
    const count = Array.isArray(input) || input instanceof Scanned ? input.length : 1
    if (count > MOST_OF_USER && !caller.isService) throw new RollcallError('RC_TOO_MANY_RECORDS')
    this.#options.limits.take(caller, { records: count })
    return count
  }

  /** The arrival of records, which is now: many at once wait for their turn before. */
  #arrived(backMs: number | undefined): Arrived {
    const { time } = this.#options
    const arrival = time.now()
    const oldest = backMs === undefined ? undefined : arrival - backMs
    return { arrival, window: { oldest, wasAheadMs: time.wasAhead() } }
  }

  async #take<Parsed>(
    input: unknown,
    { caller, faulty }: Sender,
    { arrival, window }: Arrived,
    schema: z.ZodType<Parsed>,
    eventsOf: (records: Parsed[]) => Promise<Event[]>,
  ): Promise<Taken> {
    const { records, faults } =
      faulty === 'skip'
        ? sift(schema, input, arrival, window)
        : { records: parseMany(schema, input, arrival, window), faults: [] }
    const accepted = records.length
    if (accepted === 0) return { accepted, positions: new Positions(), faults }
    const positions = await this.#options.append(await eventsOf(records), caller.traceparent)
    return { accepted, positions, faults }
  }
}

/** The visitor and the user of a user's web event: its own, by its token. Throws RC_NOT_ALLOWED if it names others. */
function namesOf(
  { sessionId, userId }: { sessionId?: string | undefined; userId?: string | undefined },
  { visitorId, userId: ownId }: Caller,
): { sessionId: string; userId?: string } {
  const ofUser = ownId === null ? null : `u/${ownId}`
  const own = sessionId ?? visitorId ?? ofUser
  const isOwn = own !== null && (own === visitorId || own === ofUser) && (!userId || userId === ownId)
  if (!isOwn) throw new RollcallError('RC_NOT_ALLOWED')
  return { sessionId: own, ...(ownId !== null && { userId: ownId }) }
}

import type { z } from 'zod'
import type { Event } from '../../actors/event.ts'
import { type Fault, RollcallError } from '../errors.ts'
import type { Append } from '../log/append.ts'
import { Positions } from '../log/positions.ts'
import type { SteadyTime } from '../time.ts'
import type { Caller } from './callers.ts'
import { heartbeat, ownWebEvent, parseMany, sift, webEvent } from './inputs.ts'
import type { Limits } from './limits.ts'
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

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  heartbeats(input: unknown, sender: Sender): Promise<Taken> {
    const { caller, country } = sender
    const { settings, stamp } = this.#options
    const backMs = caller.isService ? settings.historyMs : settings.lateMs + SLACK_MS
    return this.#take(input, sender, heartbeat, backMs, (beats, arrival) => {
      const isOther = ({ userId }: { userId: string }): boolean => userId !== caller.subject
      if (!caller.isService && beats.some(isOther)) throw new RollcallError('RC_NOT_ALLOWED')
      return stamp.heartbeats(beats, arrival, country, caller.isService)
    })
  }

  webEvents(input: unknown, sender: Sender): Promise<Taken> {
    const { caller } = sender
    if (caller.isService)
      return this.#take(input, sender, webEvent, undefined, async (events, arrival) => webEvents(events, arrival))
    return this.#take(input, sender, ownWebEvent, AWAY_MS, async (events, arrival) => {
      const own = events.map(event => ({ ...event, ...namesOf(event, caller) }))
      return webEvents(own, arrival)
    })
  }

  async #take<Parsed>(
    input: unknown,
    { caller, faulty }: Sender,
    schema: z.ZodType<Parsed>,
    backMs: number | undefined,
    eventsOf: (records: Parsed[], arrival: number) => Promise<Event[]>,
  ): Promise<Taken> {
    const { append, limits, turns, time } = this.#options
    const count = Array.isArray(input) ? input.length : 1
    if (count > MOST_OF_USER && !caller.isService) throw new RollcallError('RC_TOO_MANY_RECORDS')
    limits.take(caller, { records: count })
    if (count > MOST_OF_USER) await turns.next()
    const arrival = time.now()
    const window = { oldest: backMs === undefined ? undefined : arrival - backMs, wasAheadMs: time.wasAhead() }
    const { records, faults } =
      faulty === 'skip'
        ? sift(schema, input, arrival, window)
        : { records: parseMany(schema, input, arrival, window), faults: [] }
    const accepted = records.length
    const positions = accepted === 0 ? new Positions() : await append(await eventsOf(records, arrival))
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

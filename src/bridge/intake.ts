import type { z } from 'zod'
import type { Event } from '../../actors/event.ts'
import { type Fault, RollcallError } from '../errors.ts'
import type { Append } from '../log/append.ts'
import { Positions } from '../log/positions.ts'
import type { SteadyTime } from '../time.ts'
import { type Caller, mustBe } from './callers.ts'
import { heartbeat, parseMany, sift, webEvent } from './inputs.ts'
import type { Stamp } from './stamp.ts'
import { webEvents } from './web-events.ts'

/** A sender of records, as its door knows it. */
export interface Sender {
  caller: Caller
  /** what becomes of a list with faulty records: nothing of it is taken, or all but these, which are answered */
  faulty: 'refuse' | 'skip'
  /** the only visitor whose web events it may send; undefined: any */
  visitorId?: string | undefined
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
  append: Append
  stamp: Stamp
  time: SteadyTime
}

/** Heartbeats and web events, by whichever door they come: parsed, permitted, stamped, appended, in this order. */
export class Intake {
  readonly #options: IntakeOptions

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  heartbeats(input: unknown, sender: Sender): Promise<Taken> {
    const { caller, country } = sender
    const permit = ({ userId }: z.output<typeof heartbeat>): void => mustBe(caller, userId)
    return this.#take(input, sender, heartbeat, permit, (beats, arrival) =>
      this.#options.stamp.heartbeats(beats, arrival, country, caller.isService),
    )
  }

  webEvents(input: unknown, sender: Sender): Promise<Taken> {
    const { caller, visitorId } = sender
    const permit = ({ sessionId, userId }: z.output<typeof webEvent>): void => {
      if (visitorId !== undefined && visitorId !== sessionId) throw new RollcallError('RC_NOT_ALLOWED')
      if (userId) mustBe(caller, userId)
    }
    return this.#take(input, sender, webEvent, permit, async (inputs, arrival) => webEvents(inputs, arrival))
  }

  async #take<Parsed>(
    input: unknown,
    { faulty }: Sender,
    schema: z.ZodType<Parsed>,
    permit: (record: Parsed) => void,
    eventsOf: (records: Parsed[], arrival: number) => Promise<Event[]>,
  ): Promise<Taken> {
    const { time } = this.#options
    const arrival = time.now()
    const wasAhead = time.wasAhead()
    const { records, faults } =
      faulty === 'skip'
        ? sift(schema, input, arrival, wasAhead)
        : { records: parseMany(schema, input, arrival, wasAhead), faults: [] }
    for (const record of records) permit(record)
    const accepted = records.length
    const positions = accepted === 0 ? new Positions() : await this.#options.append(await eventsOf(records, arrival))
    return { accepted, positions, faults }
  }
}

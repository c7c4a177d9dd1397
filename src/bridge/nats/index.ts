import { setTimeout as sleep } from 'node:timers/promises'
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node'
import type { z } from 'zod'
import type { Event } from '../../../actors/event.ts'
import { type Fault, RollcallError } from '../../errors.ts'
import { idOf, isInbox, SERVICE } from '../../nats/subjects.ts'
import { ANYBODY } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { heartbeat, id, parseOne, sift, webEvent } from '../inputs.ts'
import { webEvents } from '../stamp.ts'

/** Bridges share it, so that each message is taken by one of them. */
const QUEUE = 'rollcall'
/** Messages that are not answered yet; more are refused. */
const MOST_UNDER_WAY = 20_000

/** What a message is answered with; `position` where the log has something of it. */
interface Answer {
  accepted: number
  position?: string
  /** those of the records that were skipped */
  faults?: Fault[]
}

/**
 * The way in over NATS, by the schemas of HTTP. Of several records those that do not fit are skipped, and answered with
 * their faults. Where callers have tokens, a subject is a permission: the last part of it is the id its payload must
 * have, or `_` for services.
 */
export class NatsInputs {
  readonly #bridge: Bridge
  readonly #subscriptions: Subscription[]
  readonly #underWay = new Set<Promise<void>>()

  constructor(nats: NatsConnection, bridge: Bridge) {
    this.#bridge = bridge
    const taken: [subject: string, take: (message: Msg) => Promise<unknown>][] = [
      ['heartbeats.*', message => this.#heartbeats(message)],
      ['events.*', message => this.#events(message)],
      ['sessions.*.*', message => this.#session(message)],
    ]
    this.#subscriptions = taken.map(([subject, take]) =>
      nats.subscribe(subject, {
        queue: QUEUE,
        callback: (error, message) => {
          if (error) bridge.failed(error)
          else if (!message.reply || isInbox(message.reply)) this.#take(message, take)
          else
            bridge.failed(
              new RollcallError('RC_NOT_ALLOWED', `An answer to ${message.subject} was asked for elsewhere.`),
            )
        },
      }),
    )
  }

  #take(message: Msg, take: (message: Msg) => Promise<unknown>): void {
    const isTooMuch = this.#underWay.size >= MOST_UNDER_WAY
    const work = (isTooMuch ? Promise.reject(new RollcallError('RC_OVERLOADED')) : take(message))
      .catch((error: unknown) => this.#refusal(error))
      .then(answer => void message.respond(JSON.stringify(answer)))
      .catch(error => this.#bridge.failed(error))
    this.#underWay.add(work)
    work.finally(() => this.#underWay.delete(work))
  }

  #refusal(error: unknown): object {
    const known = error instanceof RollcallError ? error : new RollcallError('RC_INTERNAL')
    if (known.status >= 500 && known.code !== 'RC_CLOSING') this.#bridge.failed(error)
    return known.toJSON()
  }

  #heartbeats(message: Msg): Promise<Answer> {
    const { stamp } = this.#bridge
    const isTrusted = this.#idOf(message, 1) === null
    return this.#accept(message, heartbeat, 'userId', (beats, at) => stamp.heartbeats(beats, at, undefined, isTrusted))
  }

  #events(message: Msg): Promise<Answer> {
    return this.#accept(message, webEvent, 'sessionId', async (inputs, at) => webEvents(inputs, at))
  }

  async #accept<S extends z.ZodType>(
    message: Msg,
    schema: S,
    field: string,
    eventsOf: (records: z.output<S>[], arrival: number) => Promise<Event[]>,
  ): Promise<Answer> {
    const { append, now } = this.#bridge
    const arrival = now()
    const { records, faults } = sift(schema, read(message), arrival)
    const named = this.#idOf(message, 1)
    for (const record of records) {
      if (named !== null && (record as Record<string, unknown>)[field] !== named)
        throw new RollcallError('RC_NOT_ALLOWED')
    }
    const more = faults.length > 0 && { faults }
    if (records.length === 0) return { accepted: 0, ...more }
    const position = await append(await eventsOf(records as z.output<S>[], arrival))
    return { accepted: records.length, position: position.toString(), ...more }
  }

  /** `sessions.request.<userId>` starts one, `sessions.<verb>.<streamerId>` changes the one in its payload. */
  async #session(message: Msg): Promise<unknown> {
    const { streamers, now } = this.#bridge
    const verb = message.subject.split('.')[1]
    const input = read(message) as Record<string, unknown>
    const named = this.#idOf(message, 2)
    const caller = named === null ? ANYBODY : { userId: named, isService: false, isOperator: false }
    if (verb === 'request') {
      const { isNew, session } = await streamers.start(input, caller)
      return { status: isNew ? 201 : 200, session }
    }
    const sessionId = parseOne(id, input?.sessionId, now())
    const changes: Record<string, () => Promise<unknown>> = {
      preset: () => streamers.setPreset(sessionId, input, caller),
      goals: () => streamers.setGoals(sessionId, input, caller),
      // The subject names the streamer; who rates is in the payload.
      ratings: () => streamers.rate(sessionId, input, ANYBODY),
      end: () => streamers.end(sessionId, caller),
    }
    const change = changes[verb ?? '']
    if (!change) throw new RollcallError('RC_NOT_FOUND')
    return { status: 200, session: await change() }
  }

  /** Whom the subject is of; null where it does not matter. */
  #idOf({ subject }: Msg, place: number): string | null {
    const token = subject.split('.')[place]!
    return this.#bridge.callers === null || token === SERVICE ? null : idOf(token)
  }

  /** Takes no more; resolves when all that was taken is answered, or after `withinMs`: without a server it never is. */
  async close(withinMs: number): Promise<void> {
    const answered = async (): Promise<void> => {
      await Promise.all(this.#subscriptions.map(subscription => subscription.drain()))
      await Promise.all(this.#underWay)
    }
    await Promise.race([answered().catch(this.#bridge.failed), sleep(withinMs, undefined, { ref: false })])
  }
}

function read(message: Msg): unknown {
  try {
    return message.json()
  } catch {
    throw new RollcallError('RC_INVALID_JSON')
  }
}

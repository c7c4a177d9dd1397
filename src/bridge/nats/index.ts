import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node'
import { RollcallError } from '../../errors.ts'
import { idOf, isInbox, SERVICE } from '../../nats/subjects.ts'
import { atMost } from '../../time.ts'
import { ANYBODY, type Caller, NOBODY } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { id, parseOne } from '../inputs.ts'
import type { Sender, Taken } from '../intake.ts'
import type { ShownSession, StreamerSessions } from '../streamer-sessions.ts'

/** Bridges share it, so that each message is taken by one of them. */
const QUEUE = 'rollcall'
/** Messages that are not answered yet; more are refused. */
const MOST_UNDER_WAY = 20_000

type Change = (sessions: StreamerSessions, id: string, input: unknown, caller: Caller) => Promise<ShownSession>

/** The verbs of `sessions.<verb>.<streamerId>`. */
const CHANGES: ReadonlyMap<string, Change> = new Map<string, Change>([
  ['preset', (sessions, id, input, caller) => sessions.setPreset(id, input, caller)],
  ['goals', (sessions, id, input, caller) => sessions.setGoals(id, input, caller)],
  // The subject names the streamer; who rates is in the payload.
  ['ratings', (sessions, id, input) => sessions.rate(id, input, ANYBODY)],
  ['end', (sessions, id, _input, caller) => sessions.end(id, caller)],
])

/**
 * The way in over NATS, by the schemas of HTTP. Where callers have tokens, a subject is a permission: the last part of it is the id its payload must
 * have, or `_` for services.
 */
export class NatsInputs {
  readonly #bridge: Bridge
  readonly #subscriptions: Subscription[]
  readonly #underWay = new Set<Promise<void>>()

  constructor(nats: NatsConnection, bridge: Bridge) {
    this.#bridge = bridge
    const { intake } = bridge
    const taken: [subject: string, take: (message: Msg) => Promise<unknown>][] = [
      ['heartbeats.*', async message => answered(await intake.heartbeats(read(message), this.#sender(message)))],
      ['events.*', async message => answered(await intake.webEvents(read(message), this.#sender(message)))],
      ['sessions.*.*', message => this.#session(message)],
    ]
    this.#subscriptions = taken.map(([subject, take]) =>
      nats.subscribe(subject, {
        queue: QUEUE,
        callback: (error, message) => {
          if (error) this.#failed(error)
          else if (!message.reply || isInbox(message.reply)) this.#take(message, take)
          else
            this.#failed(
              new RollcallError('RC_NOT_ALLOWED', `An answer to ${message.subject} was asked for elsewhere.`),
            )
        },
      }),
    )
  }

  readonly #failed = (error: unknown): void => this.#bridge.faults.report('request', error)

  #take(message: Msg, take: (message: Msg) => Promise<unknown>): void {
    const isTooMuch = this.#underWay.size >= MOST_UNDER_WAY
    const work = (isTooMuch ? Promise.reject(new RollcallError('RC_OVERLOADED')) : take(message))
      .catch((error: unknown) => this.#refusal(error))
      .then(answer => void message.respond(JSON.stringify(answer)))
      .catch(this.#failed)
    this.#underWay.add(work)
    work.finally(() => this.#underWay.delete(work))
  }

  #refusal(error: unknown): object {
    const known = error instanceof RollcallError ? error : new RollcallError('RC_INTERNAL')
    if (known.status >= 500 && known.code !== 'RC_CLOSING') this.#failed(error)
    return known.toJSON()
  }

  #sender(message: Msg): Sender {
    const caller = this.#caller(message, 1)
    return { caller, faulty: 'skip', visitorId: caller.userId ?? undefined }
  }

  /** `sessions.request.<userId>` starts one, `sessions.<verb>.<streamerId>` changes the one in its payload. */
  async #session(message: Msg): Promise<unknown> {
    const { streamers, time } = this.#bridge
    const verb = message.subject.split('.')[1]!
    const input = read(message) as Record<string, unknown>
    const caller = this.#caller(message, 2)
    if (verb === 'request') {
      const { isNew, session } = await streamers.start(input, caller)
      return { status: isNew ? 201 : 200, session }
    }
    const sessionId = parseOne(id, input?.sessionId, time.now())
    const change = CHANGES.get(verb)
    if (!change) throw new RollcallError('RC_NOT_FOUND')
    return { status: 200, session: await change(streamers, sessionId, input, caller) }
  }

  /** The caller that a part of the subject names: a service where that is `_`, or callers have no tokens. */
  #caller({ subject }: Msg, place: number): Caller {
    const token = subject.split('.')[place]!
    if (this.#bridge.callers === null || token === SERVICE) return ANYBODY
    return { ...NOBODY, userId: idOf(token) }
  }

  /** Takes no more; resolves when all that was taken is answered, or after `withinMs`: without a server it never is. */
  async close(withinMs: number): Promise<void> {
    const done = async (): Promise<void> => {
      await Promise.all(this.#subscriptions.map(subscription => subscription.drain()))
      await Promise.all(this.#underWay)
    }
    await atMost(this.#bridge.time, withinMs, done().catch(this.#failed))
  }
}

/** `position` where the log has something of it, `faults` where records were skipped. */
const answered = ({ accepted, positions, faults }: Taken): object => ({
  accepted,
  ...(!positions.isEmpty && { position: positions.toString() }),
  ...(faults.length > 0 && { faults }),
})

function read(message: Msg): unknown {
  try {
    return message.json()
  } catch {
    throw new RollcallError('RC_INVALID_JSON')
  }
}

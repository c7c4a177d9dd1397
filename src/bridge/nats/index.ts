import { Match, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node'
import { z } from 'zod'
import { RollcallError } from '../../errors.ts'
import { idOf, isInbox, SERVICE, tokenOf } from '../../nats/subjects.ts'
import { TRACEPARENT } from '../../observe/traces.ts'
import { atMost } from '../../time.ts'
import { ANYBODY, type Caller, inTrace, NOBODY, named } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { id, isId, parseOne } from '../inputs.ts'
import type { Sender, Taken } from '../intake.ts'
import { scan } from '../scan.ts'
import type { ShownSession, StreamerSessions } from '../streamer-sessions.ts'

/** Bridges share it, so that each message is taken by one of them. */
const QUEUE = 'rollcall'
/** As other services say that somebody goes online, for all or with the streamer behind it. */
const STARTED = 'session.started'
/** Bytes that are not UTF-8 are no JSON: with U+FFFD in their place two ids would become one. */
const UTF8 = new TextDecoder('utf-8', { fatal: true })
/** Messages that are not answered yet; more are refused. */
const MOST_UNDER_WAY = 20_000

const ofSession = z.object({ sessionId: id })

type Take = (message: Msg, caller: Caller) => Promise<unknown>
type Change = (sessions: StreamerSessions, id: string, input: unknown, caller: Caller) => Promise<ShownSession>

/** The verbs of `sessions.<verb>.<streamerId>`. */
const CHANGES: ReadonlyMap<string, Change> = new Map<string, Change>([
  ['preset', (sessions, id, input, caller) => sessions.setPreset(id, input, caller)],
  ['goals', (sessions, id, input, caller) => sessions.setGoals(id, input, caller)],
  // The subject names the streamer; who rates is in the payload.
  ['ratings', (sessions, id, input, { traceparent }) => sessions.rate(id, input, inTrace(ANYBODY, traceparent))],
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
    const taken: [subject: string, take: Take][] = [
      [
        'heartbeats.*',
        async (message, caller) => answered(await intake.heartbeats(scanned(message), senderOf(caller))),
      ],
      ['events.*', async (message, caller) => answered(await intake.webEvents(read(message), senderOf(caller)))],
      ['sessions.*.*', (message, caller) => this.#session(message, caller)],
      [STARTED, (message, caller) => this.#start(message, caller)],
      [`${STARTED}.*`, (message, caller) => this.#start(message, caller)],
    ]
    this.#subscriptions = taken.map(([subject, take]) =>
      nats.subscribe(subject, {
        queue: QUEUE,
        callback: (error, message) => {
          if (error) this.#failed(error)
          else if (!message.reply || isInbox(message.reply)) this.#take(message, take)
          else
            this.#refusal(
              new RollcallError('RC_NOT_ALLOWED', `An answer to ${message.subject} was asked for elsewhere.`),
            )
        },
      }),
    )
  }

  readonly #failed = (error: unknown): void => this.#bridge.faults.report('request', error)

  #take(message: Msg, take: Take): void {
    const work = this.#admitted(message)
      .then(caller => take(message, caller))
      .catch((error: unknown) => this.#refusal(error))
      .then(answer => void message.respond(JSON.stringify(answer)))
      .catch(this.#failed)
    this.#underWay.add(work)
    work.finally(() => this.#underWay.delete(work))
  }

  #refusal(error: unknown): object {
    const known = error instanceof RollcallError ? error : new RollcallError('RC_INTERNAL')
    this.#bridge.refusals.add(known, error)
    return known.toJSON()
  }

  /** The caller, once the message is held against its limits; nothing else of it is looked at before. */
  async #admitted(message: Msg): Promise<Caller> {
    const isTooMuch = this.#underWay.size >= MOST_UNDER_WAY
    const { subject } = message
    const isOfAll = this.#bridge.callers === null || subject === STARTED
    const caller = isOfAll ? ANYBODY : callerOf(subject.split('.').at(-1)!)
    this.#bridge.limits.take(caller ?? NOBODY, { requests: 1, bytes: message.data.length })
    if (caller === null) throw new RollcallError('RC_NOT_ALLOWED', 'The last part of the subject is not an id.')
    if (isTooMuch) throw new RollcallError('RC_OVERLOADED', undefined, { limit: 'messages' })
    return inTrace(caller, traceparentOf(message))
  }

  /** `sessions.request.<userId>` starts one, `sessions.<verb>.<streamerId>` changes the one in its payload. */
  async #session(message: Msg, caller: Caller): Promise<unknown> {
    const { streamers, time } = this.#bridge
    const verb = message.subject.split('.')[1]!
    if (verb === 'request') return this.#start(message, caller)
    const input = read(message)
    const { sessionId } = parseOne(ofSession, input, time.now())
    const change = CHANGES.get(verb)
    if (!change) throw new RollcallError('RC_NOT_FOUND')
    return { status: 200, session: await change(streamers, sessionId, input, caller) }
  }

  async #start(message: Msg, caller: Caller): Promise<object> {
    const { isNew, session } = await this.#bridge.streamers.start(read(message), caller)
    return { status: isNew ? 201 : 200, session }
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

/** The header as it is, however its letters are written; of several, which are none, all. */
function traceparentOf({ headers }: Msg): string | undefined {
  const values = headers?.values(TRACEPARENT, Match.IgnoreCase) ?? []
  return values.length > 0 ? values.join() : undefined
}

const senderOf = (caller: Caller): Sender => ({ caller, faulty: 'skip' })

/** The caller that the last part of a subject names, by the only way there is to write its id; null: none. */
function callerOf(token: string): Caller | null {
  if (token === SERVICE) return ANYBODY
  const name = idOf(token)
  return isId(name) && tokenOf(name) === token ? named(name) : null
}

/** `position` where the log has something of it, `faults` where records were skipped. */
const answered = ({ accepted, positions, faults }: Taken): object => ({
  accepted,
  ...(!positions.isEmpty && { position: positions.toString() }),
  ...(faults.length > 0 && { faults }),
})

function scanned(message: Msg): unknown {
  const { buffer, byteOffset, length } = message.data
  return scan(Buffer.from(buffer as ArrayBuffer, byteOffset, length)) ?? read(message)
}

function read(message: Msg): unknown {
  try {
    return JSON.parse(UTF8.decode(message.data))
  } catch {
    throw new RollcallError('RC_INVALID_JSON')
  }
}

import { type ApiError, JetStreamApiError } from '@nats-io/jetstream'
import { createInbox, errors, type Msg, type Subscription } from '@nats-io/transport-node'
import type { Connection } from '../../nats/index.ts'
import type { Cancel } from '../../time.ts'
import type { Outgoing } from '../batches.ts'
import type { Seq } from '../index.ts'
import { headersOf, REQUEST_MS, subjectOf } from './streams.ts'

/** An answer of the stream to a message. */
interface Ack {
  seq?: Seq
  error?: ApiError
}

interface Waiting {
  /** by the monotonic clock */
  until: number
  subject: string
  resolve(seq: Seq): void
  reject(error: Error): void
}

/**
 * Publishes entries, each of which the stream acknowledges. The client's own way would make a timer of each, several
 * promises, and an error with its stack even where all is well.
 */
export class Publisher {
  readonly #connection: Connection
  readonly #inbox = createInbox()
  /** undefined where none was needed yet, or the server took it away */
  #subscription: Subscription | undefined
  readonly #unwatch: Cancel
  /** by number, oldest first */
  readonly #waiting = new Map<number, Waiting>()
  #sent = 0

  constructor(connection: Connection) {
    this.#connection = connection
    this.#listen()
    this.#unwatch = connection.time.every(REQUEST_MS / 4, () => this.#watch())
  }

  /** Resolves with the seq that the stream gave; rejects where it gave none in time, and may have one nonetheless. */
  publish({ partition, id, value }: Outgoing): Promise<Seq> {
    const { nats, time } = this.#connection
    const [number, subject] = [++this.#sent, subjectOf(partition)]
    return new Promise((resolve, reject) => {
      this.#subscription ??= this.#subscribe()
      nats.publish(subject, value, { reply: `${this.#inbox}.${number}`, headers: headersOf(id) })
      this.#waiting.set(number, { until: time.monotonic() + REQUEST_MS, subject, resolve, reject })
    })
  }

  #take(message: Msg): void {
    const number = Number(message.subject.slice(this.#inbox.length + 1))
    const waiting = this.#waiting.get(number)
    // An entry that was given up may be answered late.
    if (!waiting) return
    this.#waiting.delete(number)
    const { subject, resolve, reject } = waiting
    if (message.data.length === 0 && message.headers?.code === 503) {
      reject(new errors.NoRespondersError(subject))
      return
    }
    const ack = ackIn(message)
    if (ack.error) reject(new JetStreamApiError(ack.error))
    else if (Number.isSafeInteger(ack.seq)) resolve(ack.seq!)
    else reject(new errors.RequestError('the stream answered with what is no acknowledgement'))
  }

  #subscribe(): Subscription {
    const callback = (error: Error | null, message: Msg): void => (error ? this.#end(error) : this.#take(message))
    return this.#connection.nats.subscribe(`${this.#inbox}.*`, { callback })
  }

  /** The server takes the subscription away, and the client forgets it: what follows subscribes anew, which may be permitted by then. */
  #end(error: Error): void {
    this.#subscription = undefined
    this.#reject(error, () => true)
  }

  /** Hears what may not be published, of which the stream says nothing. */
  async #listen(): Promise<void> {
    for await (const status of this.#connection.nats.status()) {
      const { error } = status as { error?: unknown }
      if (!(error instanceof errors.PermissionViolationError) || error.operation !== 'publish') continue
      this.#reject(error, ({ subject }) => subject === error.subject)
    }
  }

  /** Rejects those that wait, so that they are tried again. */
  #reject(cause: Error, isMeant: (waiting: Waiting) => boolean): void {
    for (const [number, waiting] of this.#waiting) {
      if (!isMeant(waiting)) continue
      this.#waiting.delete(number)
      waiting.reject(new errors.RequestError(cause.message, { cause }))
    }
  }

  #watch(): void {
    const now = this.#connection.time.monotonic()
    for (const [number, { until, reject }] of this.#waiting) {
      if (until > now) return
      this.#waiting.delete(number)
      reject(new errors.TimeoutError())
    }
  }

  /** Nothing waits any more: who publishes has an answer to all by then. */
  close(): void {
    this.#unwatch()
    this.#subscription?.unsubscribe()
  }
}

function ackIn(message: Msg): Ack {
  try {
    return message.json<Ack | null>() ?? {}
  } catch (error) {
    if (error instanceof SyntaxError) return {}
    throw error
  }
}

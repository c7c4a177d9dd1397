import { AckPolicy, DeliverPolicy, type JetStreamManager } from '@nats-io/jetstream'
import { createInbox, type Msg, nanos, type Subscription } from '@nats-io/transport-node'
import type { Connection } from '../../nats/index.ts'
import type { Cancel } from '../../time.ts'
import type { Seq } from '../index.ts'
import { isMarked } from './streams.ts'

/** A request for messages: at most so many, so many bytes, for so long, with a sign of life this often. */
const PULL = { batch: 64, max_bytes: 4_194_304, expires: nanos(5_000), idle_heartbeat: nanos(500) }
/** How a request ends, beside its time being over, when nothing is wrong. */
const SPENT = /^(Message Size Exceeds MaxBytes|Batch Completed)$/i
const SILENCE_MS = 1_500
/** After this the server forgets a consumer nobody asks. */
const INACTIVE_MS = 30_000

export interface Message {
  seq: Seq
  data: Uint8Array
  isOurs(): boolean
}

interface Position {
  connection: Connection
  manager: JetStreamManager
  stream: string
  from: Seq
  signal: AbortSignal
}

/**
 * The messages of a stream from a seq on, until anything at all goes wrong: then it ends, and whoever reads makes another.
 * The consumer of the client is not used because it goes on by itself over a stream that was made anew, and because
 * each second its reader is late makes it ask for one batch more.
 */
export class Consumer {
  readonly #connection: Connection
  readonly #manager: JetStreamManager
  readonly #stream: string
  readonly #name: string
  readonly #inbox = createInbox()
  readonly #subscription: Subscription
  readonly #unlisten: Cancel
  readonly #signal: AbortSignal
  readonly #unwatch: () => void
  #found: Message[] = []
  #wake: () => void = () => {}
  #requests = 0
  /** what the request under way may still bring; 0 when there is none */
  #asked = 0
  #heardAt: number
  #isOver = false

  private constructor({ connection, manager, stream, signal }: Position, name: string) {
    this.#connection = connection
    this.#manager = manager
    this.#stream = stream
    this.#name = name
    const callback = (error: Error | null, message: Msg): void => (error ? this.end() : this.#take(message))
    this.#subscription = connection.nats.subscribe(`${this.#inbox}.*`, { callback })
    this.#heardAt = connection.time.monotonic()
    this.#unlisten = connection.time.every(SILENCE_MS / 3, () => this.#listen())
    this.#unwatch = connection.onChange(this.end)
    this.#signal = signal
    signal.addEventListener('abort', this.end)
    if (signal.aborted) this.end()
  }

  static async open(position: Position): Promise<Consumer> {
    const { name } = await position.manager.consumers.add(position.stream, {
      ...{ ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: position.from },
      ...{ mem_storage: true, num_replicas: 1, inactive_threshold: nanos(INACTIVE_MS) },
    })
    return new Consumer(position, name)
  }

  /** The messages since the last call, waiting for the first of them; undefined when the consumer is over. */
  async next(): Promise<Message[] | undefined> {
    this.#ask()
    if (this.#found.length === 0 && !this.#isOver) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    const found = this.#found
    this.#found = []
    // The next request runs while these are worked on, so that at most two requests' worth is held.
    this.#ask()
    return found.length > 0 ? found : undefined
  }

  #ask(): void {
    if (this.#isOver || this.#asked > 0 || this.#found.length > 0) return
    this.#asked = PULL.batch
    this.#heardAt = this.#connection.time.monotonic()
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.#stream}.${this.#name}`
    this.#connection.nats.publish(subject, JSON.stringify(PULL), { reply: `${this.#inbox}.${++this.#requests}` })
  }

  #take(message: Msg): void {
    this.#heardAt = this.#connection.time.monotonic()
    if (!message.subject.startsWith(this.#inbox)) {
      this.#asked--
      const isOurs = (): boolean => isMarked(message.headers)
      this.#found.push({ seq: seqOf(message.reply!), data: message.data, isOurs })
      this.#wake()
      return
    }
    const { code = 0, description = '' } = message.headers ?? {}
    if (code === 100 || !message.subject.endsWith(`.${this.#requests}`)) return
    if (code === 408 || SPENT.test(description)) {
      this.#asked = 0
      this.#ask()
    } else {
      this.end()
    }
  }

  // A busy thread hears what has come before the turn ends.
  #listen(): void {
    const isSilent = (): boolean => this.#asked > 0 && this.#connection.time.monotonic() - this.#heardAt > SILENCE_MS
    if (isSilent()) this.#connection.time.turn().then(() => isSilent() && this.end())
  }

  readonly end = (): void => {
    if (this.#isOver) return
    this.#isOver = true
    this.#signal.removeEventListener('abort', this.end)
    this.#unlisten()
    this.#unwatch()
    this.#subscription.unsubscribe()
    // If this does not get through, the server forgets it by itself.
    this.#manager.consumers.delete(this.#stream, this.#name).catch(() => {})
    this.#wake()
  }
}

/** `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<seq>.…` */
function seqOf(reply: string): Seq {
  const tokens = reply.split('.')
  return Number(tokens[tokens.length === 9 ? 5 : 7])
}

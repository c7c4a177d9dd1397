/** Channels through Pusher's SDK, whose errors carry the key and the signature: nothing thrown here may hold one. */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type Pusher from 'pusher'
import { type ErrorCode, RollcallError } from '../errors.ts'
import type { ChannelEvent, Channels, Sent } from './index.ts'

export interface PusherSettings {
  appId: string
  key: string
  secret: string
  cluster?: string | undefined
  /** in the place of the cluster's */
  host?: string | undefined
  port?: number | undefined
  tls: boolean
  /** how long to wait for an answer; 5,000 unless told */
  timeoutMs?: number | undefined
}

export interface PusherOptions extends PusherSettings {
  /** hears of gauges that could not be sent */
  failed(error: RollcallError): void
}

const TIMEOUT_MS = 5_000
const IDLE_MS = 5_000
const MOST_EVENTS = 10
const MOST_BYTES = 10_240
const MOST_IN_FLIGHT = 16
const GAUGES_EVERY_MS = 300
const GAUGES_IN_FLIGHT = 4
const MOST_GAUGES = 10_000
const MOST_SHOWN = 200

interface Message {
  channel: string
  name: string
  /** JSON, as the SDK would write it */
  data: string
  /** of the request's body */
  bytes: number
}

/** `status` is 0 where there was no answer. */
interface Answer {
  status: number
  text: string
}

type Outcome = RollcallError | undefined
type Deliver = (batch: readonly Message[]) => Promise<Outcome[]>

const refused = (why: string): RollcallError => new RollcallError('RC_SERVICE_REFUSED', why)

const written = ({ channel, name, data }: ChannelEvent): Message | RollcallError => {
  if (channel.startsWith('private-encrypted-')) return refused('Nothing is sent on encrypted channels.')
  try {
    const json = JSON.stringify(data)
    if (Buffer.byteLength(json) > MOST_BYTES) return refused('The data of the event is over 10 kB.')
    const message = { channel, name, data: json }
    return { ...message, bytes: Buffer.byteLength(JSON.stringify(message)) }
  } catch {
    return refused('The data of the event is not JSON.')
  }
}

/** Takes from the front what fits into one request, at least one. */
const takeBatch = <M extends Message>(messages: M[]): M[] => {
  let bytes = '{"batch":[]}'.length - 1
  let count = 0
  for (const message of messages.slice(0, MOST_EVENTS)) {
    bytes += message.bytes + 1
    if (count > 0 && bytes > MOST_BYTES) break
    count += 1
  }
  return messages.splice(0, count)
}

const codeOf = (status: number): ErrorCode => {
  if ([0, 502, 503, 504].includes(status)) return 'RC_SERVICE_UNREACHABLE'
  return [408, 429].includes(status) || status >= 500 ? 'RC_SERVICE_BUSY' : 'RC_SERVICE_REFUSED'
}

/** Shows neither what the settings keep secret nor a signature. */
const shown = (text: string, { appId, key, secret }: PusherSettings): string =>
  [appId, key, secret]
    .filter(word => word !== '')
    .sort((a, b) => b.length - a.length)
    .reduce((masked, word) => masked.replaceAll(word, '***'), text)
    .replace(/[0-9a-f]{64}/gi, '***')
    .slice(0, MOST_SHOWN)

export const openSdk = async (settings: PusherSettings, agent?: HttpAgent): Promise<Pusher> => {
  // Takes a while to load, and most run without.
  const { default: Sdk } = await import('pusher')
  const { tls, timeoutMs = TIMEOUT_MS, ...rest } = settings
  return new Sdk({ ...rest, useTLS: tls, timeout: timeoutMs, agent } as unknown as Pusher.Options)
}

/** What is sent within one turn goes out together, only so many requests at a time. */
const joining = (deliver: Deliver) => {
  const waiting: (Message & { settle(outcome: Outcome): void })[] = []
  let inFlight = 0

  const start = (): void => {
    while (inFlight < MOST_IN_FLIGHT && waiting.length > 0) void carry(takeBatch(waiting))
  }
  const carry = async (batch: typeof waiting): Promise<void> => {
    inFlight += 1
    const outcomes = await deliver(batch)
    inFlight -= 1
    for (const [index, { settle }] of batch.entries()) settle(outcomes[index])
    start()
  }

  return (message: Message): Promise<Outcome> =>
    new Promise(settle => {
      if (waiting.push({ ...message, settle }) === 1) setImmediate(start)
    })
}

/** Gauges that wait for the next round. A round that finds nobody there is given up. */
const rounds = (deliver: Deliver, failed: PusherOptions['failed']) => {
  const gauges = new Map<string, ChannelEvent>()
  const lost = new Map<ErrorCode, { message: string; count: number }>()
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let closed = false

  const lose = ({ code, message }: RollcallError, count = 1): void => {
    lost.set(code, { message, count: (lost.get(code)?.count ?? 0) + count })
  }
  const wait = (): void => {
    if (closed || gauges.size === 0) return
    timer ??= setTimeout(() => {
      running = round()
    }, GAUGES_EVERY_MS).unref()
  }
  const round = async (): Promise<void> => {
    const messages: Message[] = []
    for (const message of [...gauges.values()].map(written)) {
      if (message instanceof RollcallError) lose(message)
      else messages.push(message)
    }
    gauges.clear()
    const carry = async (): Promise<void> => {
      while (!closed && messages.length > 0) {
        for (const error of await deliver(takeBatch(messages))) {
          if (error) lose(error, error.code === 'RC_SERVICE_UNREACHABLE' ? 1 + messages.splice(0).length : 1)
        }
      }
    }
    await Promise.all(Array.from({ length: GAUGES_IN_FLIGHT }, carry))
    for (const [code, { message, count }] of lost) failed(new RollcallError(code, `Gauges lost: ${count}. ${message}`))
    lost.clear()
    timer = undefined
    wait()
  }

  return {
    put: (event: ChannelEvent): void => {
      const room = JSON.stringify([event.channel, event.name])
      if (gauges.size < MOST_GAUGES || gauges.has(room)) gauges.set(room, event)
      else lose(new RollcallError('RC_SERVICE_BUSY', 'More rooms have gauges than can wait.'))
      wait()
    },
    close: async (): Promise<void> => {
      closed = true
      clearTimeout(timer)
      await running
    },
  }
}

export const openPusher = async ({ failed, ...settings }: PusherOptions): Promise<Channels> => {
  const agent = new (settings.tls ? HttpsAgent : HttpAgent)({ keepAlive: true, timeout: IDLE_MS })
  const sdk = await openSdk(settings, agent)

  const ask = async (batch: readonly Message[]): Promise<Answer> => {
    try {
      // The SDK writes to what it is given.
      const response = await sdk.triggerBatch(batch.map(({ channel, name, data }) => ({ channel, name, data })))
      // Unread it would keep its connection from the next request.
      const text = response.text().catch(() => '')
      return { status: response.status, text: response.ok ? '' : await text }
    } catch (error) {
      const { status = 0, body, error: cause = error } = error as Pusher.RequestError
      return { status, text: body ?? (cause as NodeJS.ErrnoException).code ?? 'none in time' }
    }
  }

  /** The SDK's own time limit is off once the head of an answer is there. */
  const askInTime = async (batch: readonly Message[]): Promise<Answer> => {
    const late = Promise.withResolvers<Answer>()
    const giveUp = () => late.resolve({ status: 0, text: 'none in time' })
    const timer = setTimeout(giveUp, settings.timeoutMs ?? TIMEOUT_MS).unref()
    return Promise.race([ask(batch), late.promise]).finally(() => clearTimeout(timer))
  }

  const deliver: Deliver = async batch => {
    const { status, text } = await askInTime(batch)
    if (batch.length > 1 && [400, 413].includes(status)) {
      const outcomes: Outcome[] = []
      for (const each of batch) outcomes.push(...(await deliver([each])))
      return outcomes
    }
    if (status >= 200 && status < 300) return batch.map(() => undefined)
    const said = `Pusher ${status === 0 ? 'gives no answer' : `answers ${status}`}: ${shown(text, settings)}`
    return batch.map(() => new RollcallError(codeOf(status), said))
  }

  const join = joining(deliver)
  const gauges = rounds(deliver, failed)
  const unsettled = new Set<Promise<Sent>>()
  let closing: Promise<void> | undefined

  const send = async (event: ChannelEvent): Promise<Sent> => {
    if (closing) throw new RollcallError('RC_CLOSING')
    const message = written(event)
    const error = message instanceof RollcallError ? message : await join(message)
    if (error) throw error
    return 'sent'
  }

  return {
    send: event => {
      const sending = send(event)
      const forget = () => unsettled.delete(sending)
      unsettled.add(sending)
      sending.then(forget, forget)
      return sending
    },
    gauge: gauges.put,
    close: () => {
      closing ??= Promise.all([Promise.allSettled(unsettled), gauges.close()]).then(() => agent.destroy())
      return closing
    },
  }
}

/** Channels through Pusher's SDK, whose errors carry the key and the signature: nothing thrown here may hold one. */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type Pusher from 'pusher'
import { type ErrorCode, RollcallError } from '../errors.ts'
import type { Faults } from '../observe/index.ts'
import { systemTime, type Time, within } from '../time.ts'
import type { ChannelEvent, Channels, Sent } from './index.ts'
import { type Deliver, type Message, type Rejection, takeBatch, written } from './pusher-batch.ts'
import { rounds } from './pusher-gauges.ts'

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
  time?: Time
  /** hear of gauges that could not be sent */
  faults: Faults
}

const TIMEOUT_MS = 5_000
const IDLE_MS = 5_000
const MOST_IN_FLIGHT = 16
const MOST_SHOWN = 200

/** An answer over HTTP; `status` is 0 where there was none. */
interface Answer {
  status: number
  text: string
}

const codeOf = (status: number): ErrorCode => {
  if ([0, 502, 503, 504].includes(status)) return 'RC_SERVICE_UNREACHABLE'
  // A wrong key, or a quota that is used up, is not the event's fault.
  return [401, 403, 408, 429].includes(status) || status >= 500 ? 'RC_SERVICE_BUSY' : 'RC_SERVICE_REFUSED'
}

/** The text without anything that the settings keep secret, and without signatures. */
const masked = (text: string, { appId, key, secret }: PusherSettings): string =>
  [appId, key, secret]
    .filter(word => word !== '')
    .sort((a, b) => b.length - a.length)
    .reduce((rest, word) => rest.replaceAll(word, '***'), text)
    .replace(/[0-9a-f]{64}/gi, '***')
    .slice(0, MOST_SHOWN)

export const openSdk = async (settings: PusherSettings, agent?: HttpAgent): Promise<Pusher> => {
  // The SDK takes a while to load, and most run without.
  const { default: Sdk } = await import('pusher')
  const { tls, timeoutMs = TIMEOUT_MS, ...rest } = settings
  return new Sdk({ ...rest, useTLS: tls, timeout: timeoutMs, agent } as unknown as Pusher.Options)
}

/** Messages of one turn go out together, only so many requests at a time. */
const joining = (deliver: Deliver, time: Time) => {
  const waiting: (Message & { settle(rejection: Rejection): void })[] = []
  let inFlight = 0

  const start = (): void => {
    while (inFlight < MOST_IN_FLIGHT && waiting.length > 0) void carry(takeBatch(waiting))
  }
  const carry = async (batch: typeof waiting): Promise<void> => {
    inFlight += 1
    const rejections = await deliver(batch)
    inFlight -= 1
    for (const [index, { settle }] of batch.entries()) settle(rejections[index])
    start()
  }

  return (message: Message): Promise<Rejection> =>
    new Promise(settle => {
      if (waiting.push({ ...message, settle }) === 1) void time.turn().then(start)
    })
}

export const openPusher = async ({ time = systemTime, faults, ...settings }: PusherOptions): Promise<Channels> => {
  const agent = new (settings.tls ? HttpsAgent : HttpAgent)({ keepAlive: true, timeout: IDLE_MS })
  const sdk = await openSdk(settings, agent)

  const ask = async (batch: readonly Message[]): Promise<Answer> => {
    // The SDK writes to what it is given.
    const response = await sdk.triggerBatch(batch.map(({ channel, name, data }) => ({ channel, name, data })))
    // A body that nobody reads keeps its connection from the next request.
    const text = response.text().catch(() => '')
    return { status: response.status, text: response.ok ? '' : await text }
  }

  const askInTime = async (batch: readonly Message[]): Promise<Answer> => {
    try {
      // The SDK's own time limit is off once the head of an answer is there.
      return await within(time, settings.timeoutMs ?? TIMEOUT_MS, ask(batch), () => new Error('late'))
    } catch (error) {
      const { status = 0, body, error: cause = error } = error as Pusher.RequestError
      return { status, text: body ?? (cause as NodeJS.ErrnoException).code ?? 'none in time' }
    }
  }

  const deliver: Deliver = async batch => {
    const { status, text } = await askInTime(batch)
    if (batch.length > 1 && [400, 413].includes(status)) {
      const rejections: Rejection[] = []
      for (const each of batch) rejections.push(...(await deliver([each])))
      return rejections
    }
    if (status >= 200 && status < 300) return batch.map(() => undefined)
    const said = `Pusher ${status === 0 ? 'gives no answer' : `answers ${status}`}: ${masked(text, settings)}`
    return batch.map(() => new RollcallError(codeOf(status), said))
  }

  const join = joining(deliver, time)
  const gauges = rounds(deliver, { time, faults })
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

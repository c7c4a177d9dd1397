/**
 * Notify: how viewers and followers hear of something. Channels reach whoever has a page open, push reaches
 * registered devices. By default both only say what they would have sent.
 */
import type { RollcallError } from '../errors.ts'
import type { InTrace } from '../observe/traces.ts'

/** `sent`: a service took it; `recorded`: none is configured. */
export type Sent = 'sent' | 'recorded'

export interface ChannelEvent {
  channel: string
  name: string
  data: Record<string, unknown>
}

export interface Channels {
  /**
   * Resolves when the service took the event. Rejects with RC_SERVICE_UNREACHABLE or RC_SERVICE_BUSY when it may take
   * it later, with RC_SERVICE_REFUSED when it never will.
   */
  send(event: ChannelEvent): Promise<Sent>
  /** Sends the latest of a channel and name, a few times a second; it is lost where the service does not take it. */
  gauge(event: ChannelEvent): void
  close(): Promise<void>
}

export interface Registration {
  kind: 'fid' | 'token'
  value: string
}

export interface PushMessage {
  title: string
  body: string
  data: Record<string, string>
  /** of several with one key a device shows the latest */
  collapseKey: string
  /** ms since the epoch; not worth showing any later */
  expiresAt: number
}

/**
 * The end of a message to one registration; `dead`: nobody will ever be reached by it again; `unfit`: the two do not go
 * together, and where others took the message, nobody will ever be reached by this one either.
 */
export type Delivery = Sent | 'dead' | 'unfit' | RollcallError

export const MOST_REGISTRATIONS = 500

export interface Push {
  /** Sends to 1 to 500 registrations; answers each one's delivery, in their order. Rejects if all fail alike. */
  send(message: PushMessage, to: readonly Registration[]): Promise<Delivery[]>
  close(): Promise<void>
}

/** News for other services. */
export interface Output extends InTrace {
  /** of the effect; the same however often it is told */
  id: string
  /** `rollcall.session.started`, … */
  type: string
  /** of whom it is news: `/streamer-session/<id>`, … */
  source: string
  /** ms since the epoch */
  at: number
  data: Record<string, unknown>
}

export interface Outputs {
  /** Resolves when the news is out; rejects with RC_SERVICE_UNREACHABLE if it may be told later. */
  publish(output: Output): Promise<Sent>
}

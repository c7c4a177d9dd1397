/** Signatures between Pusher and Rollcall: of a subscription to a channel, and of a webhook. */
import { RollcallError } from '../errors.ts'
import { openSdk, type PusherSettings } from './pusher.ts'

export interface Member {
  user_id: string
  user_info: Record<string, unknown>
}

export interface Authorization {
  auth: string
  channel_data?: string
}

export interface WebhookEvent {
  name: string
  channel: string
  [field: string]: unknown
}

export interface Signer {
  /** Throws RC_NOT_ALLOWED where the socket id or the channel cannot be one. */
  authorize(socketId: string, channel: string, member?: Member): Authorization
  /** The events that are about channels; null unless Pusher signed them. Names of headers are in lower case. */
  webhook(headers: Record<string, string | undefined>, rawBody: string): WebhookEvent[] | null
}

const isAboutChannel = (event: unknown): event is WebhookEvent => {
  const { name, channel } = (event ?? {}) as Partial<WebhookEvent>
  return typeof name === 'string' && typeof channel === 'string'
}

export const signer = async (settings: PusherSettings): Promise<Signer> => {
  const sdk = await openSdk(settings)
  return {
    authorize: (socketId, channel, member) => {
      try {
        return sdk.authorizeChannel(socketId, channel, member)
      } catch {
        throw new RollcallError('RC_NOT_ALLOWED', 'There is no such socket or no such channel.')
      }
    },
    webhook: (headers, rawBody) => {
      try {
        // To the SDK a type with a parameter, or in other letters, is another type.
        const [type = ''] = (headers['content-type'] ?? '').toLowerCase().split(/\s*;/)
        const webhook = sdk.webhook({ headers: { ...headers, 'content-type': type }, rawBody })
        return webhook.isValid() ? (webhook.getEvents() as unknown[]).filter(isAboutChannel) : null
      } catch {
        // The SDK trips over a missing signature, and a body may be any JSON.
        return null
      }
    },
  }
}

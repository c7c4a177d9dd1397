import type { Performed } from '../effects/index.ts'
import type { ChannelEvent, Channels } from '../notify/index.ts'

/** News on a session's channel is old after so long. */
export const CHANNEL_NEWS_MS = 300_000

/** The channel of all who have a session's page open. */
export const sessionChannel = (sessionId: string): string => `presence-session@${sessionId}`

export async function sendTo(channels: Channels, event: ChannelEvent): Promise<Performed<never>> {
  return { outcome: await channels.send(event), detail: { ...event } }
}

import type { Performed } from '../effects/index.ts'
import type { ChannelEvent } from '../notify/index.ts'
import { step } from '../observe/steps.ts'
import type { World } from './index.ts'

/** News on a session's channel is old after so long. */
export const CHANNEL_NEWS_MS = 300_000

/** The channel of all who have a session's page open. */
export const sessionChannel = (sessionId: string): string => `presence-session@${sessionId}`

export async function sendTo(
  { channels, steps }: Pick<World, 'channels' | 'steps'>,
  event: ChannelEvent,
): Promise<Performed<never>> {
  const outcome = await step(steps, 'channels.send', event, () => channels.send(event))
  return { outcome, detail: { ...event } }
}

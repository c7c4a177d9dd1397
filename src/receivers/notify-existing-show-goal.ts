import type { Receiver } from '../effects/index.ts'
import type { World } from './index.ts'
import { CHANNEL_NEWS_MS, sendTo, sessionChannel } from './session-channel.ts'

/** Tells those on the session's page which goals it has; nothing where it has none. */
export const notifyExistingShowGoal = ({ channels }: World): Receiver => ({
  expiresMs: CHANNEL_NEWS_MS,
  async perform({ id, payload: { sessionId, streamerId, showGoalPairs } }) {
    if ((showGoalPairs as unknown[]).length === 0) return { outcome: 'done' }
    const data = { id, sessionId, streamerId, showGoalPairs }
    return sendTo(channels, { channel: sessionChannel(sessionId), name: 'stream.show-goals', data })
  },
})

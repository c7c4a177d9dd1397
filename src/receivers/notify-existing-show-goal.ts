import type { SaysOf } from '../../actors/kinds.ts'
import type { Receiver } from '../effects/index.ts'
import type { World } from './index.ts'
import { CHANNEL_NEWS_MS, sendTo, sessionChannel } from './session-channel.ts'

type Notify = Receiver<SaysOf<'notify_existing_show_goal'>, never>

/** Tells those on the session's page which goals it has; nothing where it has none. */
export const notifyExistingShowGoal = (world: World): Notify => ({
  expiresMs: CHANNEL_NEWS_MS,
  async perform({ id, payload: { sessionId, streamerId, showGoalPairs } }) {
    if (showGoalPairs.length === 0) return { outcome: 'done' }
    const data = { id, sessionId, streamerId, showGoalPairs }
    return sendTo(world, { channel: sessionChannel(sessionId), name: 'stream.show-goals', data })
  },
})

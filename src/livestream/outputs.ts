import type { Receiver } from '../shard/receiver.ts'
import type { World } from './index.ts'
import { sessionChannel } from './session-channel.ts'

/** What other services hear of: recorded, as there is no way out to them yet. */
export const outputs = ({ channels }: World): Receiver => ({
  async perform({ kind, payload }) {
    if (kind === 'rating.updated') {
      const { sessionId, rating } = payload
      channels.gauge({ channel: sessionChannel(sessionId), name: kind, data: { sessionId, rating } })
    }
    return { outcome: 'recorded' }
  },
})

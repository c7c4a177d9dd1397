import type { Receiver } from '../effects/index.ts'
import type { World } from './index.ts'
import { sessionChannel } from './session-channel.ts'

/** What other services hear of, as `rollcall.<kind>`. */
export const tellServices = ({ channels, outputs }: World): Receiver => ({
  async perform({ id, kind, actor, at, payload }) {
    if (kind === 'rating.updated') {
      const { sessionId, rating } = payload
      channels.gauge({ channel: sessionChannel(sessionId), name: kind, data: { sessionId, rating } })
    }
    return { outcome: await outputs.publish({ id, type: `rollcall.${kind}`, source: `/${actor}`, at, data: payload }) }
  },
})

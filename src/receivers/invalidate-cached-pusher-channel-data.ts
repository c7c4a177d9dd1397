import type { Receiver } from '../effects/index.ts'
import type { World } from './index.ts'

/** Has the cached answers to who may subscribe to the streamer's channels dropped and found out anew. */
export const invalidateCachedPusherChannelData = ({ host }: World): Receiver => ({
  async perform({ payload: { streamerId } }) {
    await host.renewChannels(String(streamerId))
    return { outcome: 'done' }
  },
})

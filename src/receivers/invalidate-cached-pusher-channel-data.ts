import type { SaysOf } from '../../actors/kinds.ts'
import type { Receiver } from '../effects/index.ts'
import { step } from '../observe/steps.ts'
import type { World } from './index.ts'

type Invalidate = Receiver<SaysOf<'invalidate_cached_pusher_channel_data'>, never>

/** Has the cached answers to who may subscribe to the streamer's channels dropped and found out anew. */
export const invalidateCachedPusherChannelData = ({ host, steps }: World): Invalidate => ({
  async perform({ payload: { streamerId } }) {
    await step(steps, 'channels.renew', streamerId, () => host.renewChannels(streamerId))
    return { outcome: 'done' }
  },
})

import type { SaysOf } from '../../actors/kinds.ts'
import type { Receiver } from '../effects/index.ts'
import type { World } from './index.ts'
import { CHANNEL_NEWS_MS, sendTo, sessionChannel } from './session-channel.ts'

type Notify = Receiver<SaysOf<'notify_viewers_livestream_online'>, never>

/** Tells those on the session's page which preset it is in. */
export const notifyViewersLivestreamOnline = (world: World): Notify => ({
  expiresMs: CHANNEL_NEWS_MS,
  perform({ id, payload: { sessionId, streamerId, preset } }) {
    const data = { id, sessionId, streamerId, preset }
    return sendTo(world, { channel: sessionChannel(sessionId), name: `stream.preset.${preset}`, data })
  },
})

import type { Receiver } from '../shard/receiver.ts'
import type { World } from './index.ts'

const STALE_MS = 3 * 86_400_000

/** Removes from the streamer's viewers those who have not been there for three days. */
export const cleanupStaleStreamViewers = ({ documents, now }: World): Receiver => ({
  async perform({ payload: { streamerId } }) {
    const stale = { streamerId, lastAt: { $lt: now() - STALE_MS } }
    return { outcome: 'done', detail: { removed: await documents.removeWhere('stream-viewers', stale) } }
  },
})

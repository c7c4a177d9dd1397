import { setImmediate as nextTurn } from 'node:timers/promises'
import { STALE_MS, seenBefore } from '../../actors/viewer.ts'
import type { Receiver } from '../effects/index.ts'
import type { World } from './index.ts'

const AT_ONCE = 500

/** Removes from the streamer's viewers those who have not been there for three days. */
export const cleanupStaleStreamViewers = ({ documents, now }: World): Receiver => ({
  async perform({ payload }) {
    const seen = seenBefore(String(payload.streamerId), now() - STALE_MS)
    let removed = 0
    for (;;) {
      const stale = await documents.find('stream-viewers', { filter: { seen }, limit: AT_ONCE })
      if (stale.length === 0) return { outcome: 'done', detail: { removed } }
      // One that is there again meanwhile stays.
      removed += await documents.removeWhere('stream-viewers', { _id: { $in: stale.map(({ _id }) => _id) }, seen })
      await nextTurn()
    }
  },
})

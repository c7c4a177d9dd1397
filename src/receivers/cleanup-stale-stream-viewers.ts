import type { SaysOf } from '../../actors/kinds.ts'
import { STALE_MS, seenBefore } from '../../actors/viewer.ts'
import type { Receiver } from '../effects/index.ts'
import { step } from '../observe/steps.ts'
import type { World } from './index.ts'

const AT_ONCE = 500

type Cleanup = Receiver<SaysOf<'cleanup_stale_stream_viewers'>, never>

/** Removes from the streamer's viewers those who have not been there for three days. */
export const cleanupStaleStreamViewers = ({ documents, time, steps }: World): Cleanup => ({
  async perform({ payload: { streamerId } }) {
    const seen = seenBefore(streamerId, time.now() - STALE_MS)
    let removed = 0
    for (;;) {
      const stale = await documents.find('stream-viewers', { filter: { seen }, limit: AT_ONCE })
      if (stale.length === 0) return { outcome: 'done', detail: { removed } }
      // A viewer who has come back since then has another `seen`, and stays.
      const same = { _id: { $in: stale.map(({ _id }) => _id) }, seen }
      removed += await step(steps, 'viewers.remove', same, () => documents.removeWhere('stream-viewers', same))
      await time.turn()
    }
  },
})

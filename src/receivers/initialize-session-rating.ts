import type { Receiver } from '../effects/index.ts'
import type { World } from './index.ts'

interface Earlier {
  _id: string
  statuses?: { started?: string }
  rating?: { current?: number; currentCount?: number }
}

/** Finds the rating of the streamer's latest earlier session that was started and has one, for an actor that is new. */
export const initializeSessionRating = ({ documents }: World): Receiver => ({
  async perform({ payload: { streamerId, sessionId } }) {
    const sessions = (await documents.find('sessions', { filter: { userId: streamerId } })) as unknown as Earlier[]
    const [latest] = sessions
      .filter(({ _id, statuses, rating }) => _id !== sessionId && statuses?.started && rating?.currentCount)
      .sort((a, b) => (a.statuses!.started! < b.statuses!.started! ? 1 : -1))
    if (!latest) return { outcome: 'done' }
    const { current: rating = 0, currentCount: count = 0 } = latest.rating!
    const answer = { kind: 'session.rating-found', sessionId, rating, count }
    return { outcome: 'done', detail: { from: latest._id, rating, count }, answer }
  },
})

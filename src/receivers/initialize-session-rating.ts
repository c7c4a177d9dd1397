import type { AnswerOf, SaysOf } from '../../actors/kinds.ts'
import type { Document } from '../documents/index.ts'
import type { Receiver } from '../effects/index.ts'
import type { World } from './index.ts'

/** A session as documents have it: written by another program, any of this may be missing. */
interface Earlier {
  _id: string
  statuses?: { started?: string | Date | null } | null
  rating?: { current?: unknown; currentCount?: unknown } | null
}

type Initialize = Receiver<SaysOf<'initialize_session_rating'>, AnswerOf<'session.rating-found'>>

/** Finds the rating of the streamer's latest earlier session that was started and has one, for an actor that is new. */
export const initializeSessionRating = ({ documents }: World): Initialize => ({
  async perform({ payload: { streamerId, sessionId } }) {
    const sessions = await documents.find('sessions', { filter: { userId: streamerId } })
    const [latest] = sessions
      .filter(({ _id }) => _id !== sessionId)
      .flatMap(ratingOf)
      .sort((a, b) => b.started - a.started)
    if (!latest) return { outcome: 'done' }
    const { from, rating, count } = latest
    const answer = { kind: 'session.rating-found' as const, sessionId, rating, count }
    return { outcome: 'done', detail: { from, rating, count }, answer }
  },
})

/** The rating of a session that was started and has one; of any other nothing. */
function ratingOf(session: Document) {
  const { _id: from, statuses, rating } = session as Earlier
  const started = new Date(statuses?.started ?? Number.NaN).getTime()
  const { current = 0, currentCount: count } = rating ?? {}
  if (Number.isNaN(started) || typeof current !== 'number' || typeof count !== 'number' || count === 0) return []
  return [{ from, started, rating: current, count }]
}

import type { Goal, Preset, SessionStart, StreamerSession, Version } from './session.ts'

/** All that happens to a streamer's session. */
export type StreamerEvent = Version &
  (
    | (SessionStart & {
        type: 'session.start'
        /** an id nobody used */
        fresh: string
        /** the session id of a source that has started */
        sourceId: string | null
      })
    | { type: 'session.preset'; sessionId: string; preset: Preset; price: number }
    | { type: 'session.rate'; sessionId: string; rater: string; score: number }
    | {
        type: 'session.goals'
        sessionId: string
        showGoalPairs: readonly Goal[]
        exclusiveGoalPairs: readonly Goal[]
      }
    | { type: 'session.end'; sessionId: string }
    | {
        type: 'session.known'
        /** the latest that documents show of a streamer of whom the actor knows nothing */
        session: StreamerSession
      }
    | { type: 'session.rating-found'; sessionId: string; rating: number; count: number }
  )

/** All that a streamer's session says to the world. */
export type StreamerSays = { sessionId: string; streamerId: string } & (
  | { type: 'session.started'; preset: Preset; price: number; showGoalPairs: readonly Goal[]; tags: readonly string[] }
  | { type: 'session.ended' }
  | {
      type: 'rating.updated'
      rating: { current: number; currentCount: number; previous: number; previousCount: number }
    }
  | { type: 'generate_livestream_feed'; tags: readonly string[] }
  | { type: 'initialize_session_rating' }
  | { type: 'notify_viewers_livestream_online'; preset: Preset }
  | { type: 'notify_followers_livestream_online'; title: string | null }
  | { type: 'notify_existing_show_goal'; showGoalPairs: readonly Goal[] }
  | { type: 'invalidate_cached_pusher_channel_data' }
  | { type: 'cleanup_stale_stream_viewers' }
)

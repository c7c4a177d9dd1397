import type { AnswerTo, Says } from '../../actors/kinds.ts'
import type { Receiver } from '../effects/index.ts'
import { adoptVisitorDay } from './adopt-visitor-day.ts'
import { cleanupStaleStreamViewers } from './cleanup-stale-stream-viewers.ts'
import { generateFeed } from './generate-feed.ts'
import { generateLivestreamFeed } from './generate-livestream-feed.ts'
import type { World } from './index.ts'
import { initializeSessionRating } from './initialize-session-rating.ts'
import { invalidateCachedPusherChannelData } from './invalidate-cached-pusher-channel-data.ts'
import { notifyExistingShowGoal } from './notify-existing-show-goal.ts'
import { notifyFollowersLivestreamOnline } from './notify-followers-livestream-online.ts'
import { notifyViewersLivestreamOnline } from './notify-viewers-livestream-online.ts'
import { tellRating, tellServices } from './tell-services.ts'

/** A receiver for each thing that machines say; it answers only by what the actor takes whose machine said it. */
type Table = { [S in Says as S['type']]: Receiver<S, AnswerTo<S>> }

const tableOf = (world: World): Table => ({
  generate_livestream_feed: generateLivestreamFeed(world),
  initialize_session_rating: initializeSessionRating(world),
  notify_viewers_livestream_online: notifyViewersLivestreamOnline(world),
  notify_followers_livestream_online: notifyFollowersLivestreamOnline(world),
  notify_existing_show_goal: notifyExistingShowGoal(world),
  invalidate_cached_pusher_channel_data: invalidateCachedPusherChannelData(world),
  cleanup_stale_stream_viewers: cleanupStaleStreamViewers(world),
  'feed.generate': generateFeed(world),
  'visitor-day.adopt': adoptVisitorDay(world),
  'rating.updated': tellRating(world),
  'session.started': tellServices(world),
  'session.ended': tellServices(world),
  'feed.updated': tellServices(world),
  'web-session.closed': tellServices(world),
  'web-session.corrected': tellServices(world),
})

/** The receiver of each kind of effect. A kind that no machine says any more is told to other services. */
export function receivers(world: World): (kind: string) => Receiver {
  // An effect comes back from a checkpoint as its machine said it, so its receiver may take it by its kind alone.
  const byKind = new Map(Object.entries(tableOf(world) as unknown as Record<string, Receiver>))
  const rest = tellServices(world)
  return kind => byKind.get(kind) ?? rest
}

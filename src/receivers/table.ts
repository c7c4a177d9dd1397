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
import { tellServices } from './tell-services.ts'

/** Who handles which kind of effect; what nobody handles is told to other services. */
export function receivers(world: World): (kind: string) => Receiver {
  const byKind: Readonly<Record<string, Receiver>> = {
    generate_livestream_feed: generateLivestreamFeed(world),
    initialize_session_rating: initializeSessionRating(world),
    notify_viewers_livestream_online: notifyViewersLivestreamOnline(world),
    notify_followers_livestream_online: notifyFollowersLivestreamOnline(world),
    notify_existing_show_goal: notifyExistingShowGoal(world),
    invalidate_cached_pusher_channel_data: invalidateCachedPusherChannelData(world),
    cleanup_stale_stream_viewers: cleanupStaleStreamViewers(world),
    'feed.generate': generateFeed(world),
    'visitor-day.adopt': adoptVisitorDay(world),
  }
  const rest = tellServices(world)
  return kind => byKind[kind] ?? rest
}

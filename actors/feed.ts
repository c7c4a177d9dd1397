import { type FeedContext, type FeedEvent, feed as machine } from '../machines/feed.ts'
import type { ActorKind } from './index.ts'

/** Key: `<group>` or `<group>-filtered`. Shows nothing itself: what a run found is written by whoever ran it. */
export const feed: ActorKind<FeedContext> = {
  kind: 'feed',
  machine,
  version: 1,
  migrations: {},
  takes: ['feed.request', 'feed.generated', 'effect.failed'],

  receive({ kind, key, ...event }, _context, { time }): FeedEvent {
    if (kind === 'feed.request') return { type: kind, feed: key, time: time() }
    if (kind === 'effect.failed') return { type: kind, ...(event.asked as { generation: number }) }
    return { ...event, type: kind } as unknown as FeedEvent
  },

  needs: () => [],
  head: context => context,
  parts: () => [],
  withPart: context => context,
  slim: context => context,
  project: () => {},
}

import { type FeedContext, type FeedEvent, type FeedSays, feed as machine } from '../machines/feed.ts'
import { type EventOf, typed } from './event.ts'
import { count, fitting, instant, object } from './fitting.ts'
import type { ActorKind } from './index.ts'

/** The facts of what a feed takes. */
export interface FeedTakes {
  'feed.request': object
  'feed.generated': Omit<FeedEvent & { type: 'feed.generated' }, 'type'>
  'effect.failed': { asked: Omit<FeedSays & { type: 'feed.generate' }, 'type'> }
}

const FACTS = {
  'feed.request': {},
  'feed.generated': { generation: count, generatedAt: instant, items: count },
  'effect.failed': { asked: object({ generation: count }) },
}

/** Key: `<group>` or `<group>-filtered`. Shows nothing itself: what a run found is written by whoever ran it. */
export const feed = {
  kind: 'feed',
  machine,
  version: 1,
  migrations: {},
  takes: ['feed.request', 'feed.generated', 'effect.failed'],

  read: event => fitting(event, FACTS),

  receive(event, _context, { time }): FeedEvent {
    if (event.kind === 'feed.request') return { type: event.kind, feed: event.key, time: time() }
    if (event.kind === 'effect.failed') return { type: event.kind, generation: event.asked.generation }
    return typed(event)
  },

  head: context => context,
  parts: () => [],
  withPart: context => context,
  slim: context => context,
  project: () => {},
} satisfies ActorKind<FeedContext, EventOf<FeedTakes>>

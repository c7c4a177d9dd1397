import { assign, enqueueActions, setup } from 'xstate'
import { examples } from './examples.ts'
import { type Carried, type Rating, rated, withPrevious } from './rating.ts'
import { carriedFrom, nameOf, newSession, type StreamerSession, versionOf, wins } from './session.ts'
import type { StreamerEvent, StreamerSays } from './streamer-events.ts'
import { whole } from './whole.ts'

/** A streamer, who has at most one active session: `offline → preview ⇄ live → ended`. */

export interface StreamerContext {
  /** the latest session, active or ended */
  session: StreamerSession | null
  /** the rating a next session begins with */
  carried: Carried | null
  /** session ids used and ratings given, as far as they are at hand, by `usedKey` and `ratingKey` */
  known: Readonly<Record<string, Rating | true>>
  deadline: null
}

export const usedKey = (sessionId: string): string => `used\n${sessionId}`
export const ratingKey = (sessionId: string, rater: string): string => `rating\n${sessionId}\n${rater}`

type Of<T extends StreamerEvent['type']> = StreamerEvent & { type: T }

const AGAIN = {
  description: 'The session is there already and stays; all that follows a start is said once more.',
  actions: ['rename', 'sayStarted'],
} as const
const GOALS = { description: 'The streamer sets its goals.', guard: 'newGoals', actions: 'goals' } as const
const END = {
  description: 'The streamer ends the session.',
  guard: 'current',
  target: 'ended',
  actions: ['end', 'sayEnded'],
} as const

const machine = setup({
  types: {} as { context: StreamerContext; events: StreamerEvent; emitted: StreamerSays },
  guards: {
    toLive: ({ context, event }) => isNewPreset(context, event) && event.preset === 'sd',
    toPreview: ({ context, event }) => isNewPreset(context, event) && event.preset === 'preview',
    newGoals: ({ context, event }) =>
      event.type === 'session.goals' && isCurrent(context, event) && wins(event, context.session!.goalsStamp),
    current: ({ context, event }) => isCurrent(context, event),
    isEnded: ({ event }) => event.type === 'session.known' && event.session.ended !== null,
    isLive: ({ event }) => event.type === 'session.known' && event.session.preset === 'sd',
    unrated: ({ context, event }) => isCurrent(context, event) && context.session!.rating.previousCount === 0,
    newRating: ({ context, event }) => {
      if (event.type !== 'session.rate' || !isCurrent(context, event)) return false
      const former = context.known[ratingKey(event.sessionId, event.rater)]
      return former === undefined || former === true || wins(event, former)
    },
  },
  actions: {
    rename: assign(({ context, event }) =>
      event.type === 'session.start' ? changed(context, { name: nameOf(event.userTags) }) : context,
    ),
    carryOver: assign(({ context, event }) =>
      event.type === 'session.rating-found' ? carriedOver(context, event) : context,
    ),
    recall: assign(({ context, event }) => {
      if (event.type !== 'session.known') return context
      const { session } = event
      const { previous: rating, previousCount: count } = session.rating
      // What it brought along is what the next begins with, should it never start.
      const carried = count > 0 ? { rating, count } : null
      return { session, carried, known: { ...context.known, [usedKey(session.id)]: true as const } }
    }),
    create: assign(({ context, event }) => (event.type === 'session.start' ? created(context, event) : context)),
    preset: assign(({ context, event }) =>
      event.type === 'session.preset' ? changed(context, presetTo(context.session!, event)) : context,
    ),
    goals: assign(({ context, event }) =>
      event.type === 'session.goals' ? changed(context, goalsOf(event)) : context,
    ),
    end: assign(({ context, event }) => changed(context, { ended: event.at })),
    rate: assign(({ context, event }) => (event.type === 'session.rate' ? ratedBy(context, event) : context)),
    // Those who receive it do nothing twice, so it is said at every start, also when the session was there.
    sayStarted: enqueueActions(({ context, enqueue }) => {
      const { preset, pricing, showGoalPairs, tags } = context.session!
      const ids = idsOf(context)
      enqueue.emit({ type: 'session.started', ...ids, preset, price: pricing.price, showGoalPairs, tags })
      enqueue.emit({ type: 'generate_livestream_feed', ...ids, tags })
      enqueue.emit({ type: 'notify_viewers_livestream_online', ...ids, preset })
      enqueue.emit({ type: 'notify_existing_show_goal', ...ids, showGoalPairs })
      enqueue.emit({ type: 'invalidate_cached_pusher_channel_data', ...ids })
      enqueue.emit({ type: 'cleanup_stale_stream_viewers', ...ids })
    }),
    sayNew: enqueueActions(({ context, enqueue }) => {
      const ids = idsOf(context)
      const { ordinal, title } = context.session!
      enqueue.emit({ type: 'notify_followers_livestream_online', ...ids, title })
      // Of a streamer who is new here there may be earlier sessions that this actor never saw.
      if (ordinal === 1) enqueue.emit({ type: 'initialize_session_rating', ...ids })
    }),
    sayPreset: enqueueActions(({ context, enqueue }) => {
      const ids = idsOf(context)
      const { preset, tags } = context.session!
      enqueue.emit({ type: 'notify_viewers_livestream_online', ...ids, preset })
      enqueue.emit({ type: 'generate_livestream_feed', ...ids, tags })
    }),
    sayEnded: enqueueActions(({ context, enqueue }) => {
      const ids = idsOf(context)
      enqueue.emit({ type: 'session.ended', ...ids })
      enqueue.emit({ type: 'generate_livestream_feed', ...ids, tags: context.session!.tags })
    }),
    sayRating: enqueueActions(({ context, enqueue }) => {
      const { ownSum: _sum, ownCount: _count, ...rating } = context.session!.rating
      if (rating.currentCount > 0) enqueue.emit({ type: 'rating.updated', ...idsOf(context), rating })
    }),
  },
}).createMachine({
  id: 'streamer-session',
  initial: 'offline',
  context: { session: null, carried: null, known: {}, deadline: null },
  on: {
    'session.rate': {
      description: 'A viewer rates the session, during it or afterwards; of a viewer the latest rating counts.',
      guard: 'newRating',
      actions: ['rate', 'sayRating'],
    },
    'session.rating-found': {
      description: 'Documents told the rating of an earlier session, on which this one builds.',
      guard: 'unrated',
      actions: ['carryOver', 'sayRating'],
    },
  },
  states: {
    offline: {
      description: 'The streamer never had a session. Its start leads out, or a session that documents know.',
      on: {
        'session.start': {
          description: 'The streamer begins its first session.',
          target: 'preview',
          actions: ['create', 'sayStarted', 'sayNew', 'sayRating'],
        },
        'session.known': [
          {
            description: 'Documents know a session that has ended.',
            guard: 'isEnded',
            target: 'ended',
            actions: 'recall',
          },
          { description: 'Documents know a session that is live.', guard: 'isLive', target: 'live', actions: 'recall' },
          { description: 'Documents know a session in preview.', target: 'preview', actions: 'recall' },
        ],
      },
    },
    preview: {
      description: 'The session is there but not live. The preset sd leads out, and the end.',
      on: {
        'session.start': AGAIN,
        'session.preset': [
          { description: 'The session goes live.', guard: 'toLive', target: 'live', actions: ['preset', 'sayPreset'] },
          { description: 'A newer word that it is in preview.', guard: 'toPreview', actions: 'preset' },
        ],
        'session.goals': GOALS,
        'session.end': END,
      },
    },
    live: {
      description: 'The session is live. The preset preview leads out, and the end.',
      on: {
        'session.start': AGAIN,
        'session.preset': [
          {
            description: 'The session goes back to preview.',
            guard: 'toPreview',
            target: 'preview',
            actions: ['preset', 'sayPreset'],
          },
          { description: 'A newer word that it is live.', guard: 'toLive', actions: 'preset' },
        ],
        'session.goals': GOALS,
        'session.end': END,
      },
    },
    ended: {
      description: 'The latest session is over. The start of the next one leads out.',
      on: {
        'session.start': {
          description: 'The streamer begins another session.',
          target: 'preview',
          actions: ['create', 'sayStarted', 'sayNew', 'sayRating'],
        },
      },
    },
  },
})

export const streamerSession = whole(machine, examples['streamer-session'])

const isCurrent = (context: StreamerContext, event: StreamerEvent): boolean =>
  'sessionId' in event && event.sessionId === context.session?.id

const isNewPreset = (context: StreamerContext, event: StreamerEvent): event is Of<'session.preset'> =>
  event.type === 'session.preset' && isCurrent(context, event) && wins(event, context.session!.presetStamp)

const changed = (context: StreamerContext, change: Partial<StreamerSession>): Partial<StreamerContext> => ({
  session: { ...context.session!, ...change },
})

const idsOf = ({ session }: StreamerContext) => ({ sessionId: session!.id, streamerId: session!.userId })

function presetTo(session: StreamerSession, event: Of<'session.preset'>): Partial<StreamerSession> {
  const { preset, price } = event
  const started = session.started ?? (preset === 'sd' ? event.at : null)
  return { preset, pricing: { preset, price }, started, presetStamp: versionOf(event) }
}

const goalsOf = (event: Of<'session.goals'>): Partial<StreamerSession> => ({
  showGoalPairs: event.showGoalPairs,
  exclusiveGoalPairs: event.exclusiveGoalPairs,
  goalsStamp: versionOf(event),
})

function created(context: StreamerContext, event: Of<'session.start'>): Partial<StreamerContext> {
  const { sourceId, fresh } = event
  const earlier = context.session
  const carried = (earlier && carriedFrom(earlier)) ?? context.carried
  const id = sourceId !== null && context.known[usedKey(sourceId)] === undefined ? sourceId : fresh
  const session = newSession(id, (earlier?.ordinal ?? 0) + 1, event, carried)
  return { session, carried, known: { ...context.known, [usedKey(id)]: true } }
}

function carriedOver(
  context: StreamerContext,
  { rating, count }: Of<'session.rating-found'>,
): Partial<StreamerContext> {
  const carried = { rating, count }
  // It is also what a next session begins with if this one never starts.
  return { ...changed(context, { rating: withPrevious(context.session!.rating, carried) }), carried }
}

function ratedBy(context: StreamerContext, event: Of<'session.rate'>): Partial<StreamerContext> {
  const key = ratingKey(event.sessionId, event.rater)
  const former = context.known[key]
  const rating: Rating = { score: event.score, at: event.at, id: event.id }
  return {
    session: {
      ...context.session!,
      rating: rated(context.session!.rating, rating, former === true ? undefined : former),
    },
    known: { ...context.known, [key]: rating },
  }
}

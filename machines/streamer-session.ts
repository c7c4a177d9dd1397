import { assign, emit, enqueueActions, setup } from 'xstate'
import { type Rating, type RatingState, rated, startingRating } from './rating.ts'

/** A streamer, who has at most one active session: `offline → preview ⇄ live → ended`. */

export type Preset = 'preview' | 'sd'

export interface Goal {
  title: string
  price: number
}

/** When two changes of the same thing meet, the greatest (at, id) wins. */
export interface Stamp {
  at: number
  id: string
}

export interface StreamerSession {
  id: string
  /** the how manieth session of the streamer it is */
  ordinal: number
  userId: string
  title: string | null
  tags: readonly string[]
  pricing: { preset: Preset; price: number }
  preset: Preset
  name: string | null
  /** ms; `started` at the first change to sd */
  created: number
  started: number | null
  ended: number | null
  rating: RatingState
  showGoalPairs: readonly Goal[]
  exclusiveGoalPairs: readonly Goal[]
  /** the id of the event that created it */
  createdBy: string
  presetStamp: Stamp
  goalsStamp: Stamp
}

export interface StreamerContext {
  /** the latest session, active or ended */
  session: StreamerSession | null
  /** the rating a next session begins with */
  carried: { rating: number; count: number } | null
  /** session ids used and ratings given, as far as they are at hand, by `usedKey` and `ratingKey` */
  known: Readonly<Record<string, Rating | true>>
  deadline: null
}

export const usedKey = (sessionId: string): string => `used\n${sessionId}`
export const ratingKey = (sessionId: string, rater: string): string => `rating\n${sessionId}\n${rater}`

export type StreamerEvent = Stamp &
  (
    | {
        type: 'session.start'
        streamerId: string
        /** an id nobody used */
        fresh: string
        /** the session id of a source that has started */
        sourceId: string | null
        title: string | null
        device: 'lovense' | null
        userTags: readonly string[]
        price: number
      }
    | { type: 'session.preset'; sessionId: string; preset: Preset; price: number }
    | { type: 'session.rate'; sessionId: string; rater: string; score: number }
    | {
        type: 'session.goals'
        sessionId: string
        showGoalPairs: readonly Goal[]
        exclusiveGoalPairs: readonly Goal[]
      }
    | { type: 'session.end'; sessionId: string }
  )

/** What a streamer's session tells the world. */
export type StreamerSays =
  | {
      type: 'session.started'
      sessionId: string
      streamerId: string
      preset: Preset
      price: number
      showGoalPairs: readonly Goal[]
      tags: readonly string[]
    }
  | { type: 'session.ended'; sessionId: string; streamerId: string }
  | {
      type: 'rating.updated'
      sessionId: string
      streamerId: string
      rating: { current: number; currentCount: number; previous: number; previousCount: number }
    }

type Of<T extends StreamerEvent['type']> = StreamerEvent & { type: T }

export const streamerSession = setup({
  types: {} as { context: StreamerContext; events: StreamerEvent; emitted: StreamerSays },
  guards: {
    toLive: ({ context, event }) => isNewPreset(context, event) && event.preset === 'sd',
    toPreview: ({ context, event }) => isNewPreset(context, event) && event.preset === 'preview',
    newGoals: ({ context, event }) =>
      event.type === 'session.goals' && isCurrent(context, event) && wins(event, context.session!.goalsStamp),
    current: ({ context, event }) => isCurrent(context, event),
    newRating: ({ context, event }) => {
      if (event.type !== 'session.rate' || !isCurrent(context, event)) return false
      const former = context.known[ratingKey(event.sessionId, event.rater)]
      return former === undefined || former === true || wins(event, former)
    },
  },
  actions: {
    create: assign(({ context, event }) => (event.type === 'session.start' ? created(context, event) : context)),
    preset: assign(({ context, event }) =>
      event.type === 'session.preset' ? changed(context, presetTo(context.session!, event)) : context,
    ),
    goals: assign(({ context, event }) =>
      event.type === 'session.goals' ? changed(context, goalsOf(event)) : context,
    ),
    end: assign(({ context, event }) => changed(context, { ended: event.at })),
    rate: assign(({ context, event }) => (event.type === 'session.rate' ? ratedBy(context, event) : context)),
    sayStarted: emit(({ context }) => {
      const { id, userId, preset, pricing, showGoalPairs, tags } = context.session!
      return {
        type: 'session.started',
        sessionId: id,
        streamerId: userId,
        preset,
        price: pricing.price,
        showGoalPairs,
        tags,
      }
    }),
    sayEnded: emit(({ context }) => {
      const { id, userId } = context.session!
      return { type: 'session.ended', sessionId: id, streamerId: userId }
    }),
    sayRating: enqueueActions(({ context, enqueue }) => {
      const { id, userId, rating } = context.session!
      if (rating.currentCount === 0) return
      const { ownSum: _sum, ownCount: _count, ...shown } = rating
      enqueue.emit({ type: 'rating.updated', sessionId: id, streamerId: userId, rating: shown })
    }),
  },
}).createMachine({
  id: 'streamer-session',
  initial: 'offline',
  context: { session: null, carried: null, known: {}, deadline: null },
  on: { 'session.rate': { guard: 'newRating', actions: ['rate', 'sayRating'] } },
  states: {
    offline: { on: { 'session.start': { target: 'preview', actions: ['create', 'sayStarted', 'sayRating'] } } },
    preview: {
      on: {
        'session.start': { actions: 'sayStarted' },
        'session.preset': [
          { guard: 'toLive', target: 'live', actions: 'preset' },
          { guard: 'toPreview', actions: 'preset' },
        ],
        'session.goals': { guard: 'newGoals', actions: 'goals' },
        'session.end': { guard: 'current', target: 'ended', actions: ['end', 'sayEnded'] },
      },
    },
    live: {
      on: {
        'session.start': { actions: 'sayStarted' },
        'session.preset': [
          { guard: 'toPreview', target: 'preview', actions: 'preset' },
          { guard: 'toLive', actions: 'preset' },
        ],
        'session.goals': { guard: 'newGoals', actions: 'goals' },
        'session.end': { guard: 'current', target: 'ended', actions: ['end', 'sayEnded'] },
      },
    },
    ended: { on: { 'session.start': { target: 'preview', actions: ['create', 'sayStarted', 'sayRating'] } } },
  },
})

const wins = (a: Stamp, b: Stamp): boolean => a.at > b.at || (a.at === b.at && a.id > b.id)

const isCurrent = (context: StreamerContext, event: StreamerEvent): boolean =>
  'sessionId' in event && event.sessionId === context.session?.id

const isNewPreset = (context: StreamerContext, event: StreamerEvent): event is Of<'session.preset'> =>
  event.type === 'session.preset' && isCurrent(context, event) && wins(event, context.session!.presetStamp)

const changed = (context: StreamerContext, change: Partial<StreamerSession>): Partial<StreamerContext> => ({
  session: { ...context.session!, ...change },
})

const stamp = ({ at, id }: Stamp): Stamp => ({ at, id })

function presetTo(session: StreamerSession, event: Of<'session.preset'>): Partial<StreamerSession> {
  const { preset, price } = event
  const started = session.started ?? (preset === 'sd' ? event.at : null)
  return { preset, pricing: { preset, price }, started, presetStamp: stamp(event) }
}

const goalsOf = (event: Of<'session.goals'>): Partial<StreamerSession> => ({
  showGoalPairs: event.showGoalPairs,
  exclusiveGoalPairs: event.exclusiveGoalPairs,
  goalsStamp: stamp(event),
})

function created(context: StreamerContext, event: Of<'session.start'>): Partial<StreamerContext> {
  const { sourceId, fresh, streamerId, title, userTags, device, price } = event
  const earlier = context.session
  const carried =
    earlier && earlier.started !== null && earlier.rating.currentCount > 0
      ? { rating: earlier.rating.current, count: earlier.rating.currentCount }
      : context.carried
  const id = sourceId !== null && context.known[usedKey(sourceId)] === undefined ? sourceId : fresh
  const tags = userTags.filter(tag => /^(country|hashtag):/.test(tag) || tag === 'badge:new')
  const session: StreamerSession = {
    id,
    ordinal: (earlier?.ordinal ?? 0) + 1,
    userId: streamerId,
    title,
    tags: device === null ? tags : [...tags, `device:${device}`],
    pricing: { preset: 'preview', price },
    preset: 'preview',
    name: userTags.find(tag => tag.startsWith('badge:livestream_')) ?? null,
    created: event.at,
    started: null,
    ended: null,
    rating: startingRating(carried),
    showGoalPairs: [],
    exclusiveGoalPairs: [],
    createdBy: event.id,
    presetStamp: stamp(event),
    goalsStamp: stamp(event),
  }
  return { session, carried, known: { ...context.known, [usedKey(id)]: true } }
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

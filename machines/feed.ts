import { assign, emit, setup } from 'xstate'
import { examples } from './examples.ts'
import { whole } from './whole.ts'

/** A feed: asked for, it is generated a little later, at most once a minute: `idle → scheduled → generating`. */

/** The time from the first request to the run, so that what happens together is in one. */
const COUNTDOWN_MS = 15_000
const MINUTE_MS = 60_000

const KINDS = ['user_livestream', 'user_livestream_most_recent']

/** The names under which one run is shown. */
export const aliasesOf = (feed: string): string[] => KINDS.map(kind => `${kind}-${feed}`)

export interface FeedContext {
  /** the group it shows, `<group>` or `<group>-filtered` */
  feed: string
  /** how many times it ran */
  generation: number
  /** partition time of the latest run's beginning */
  ranAt: number | null
  /** of the first request since then */
  askedAt: number | null
  deadline: number | null
}

export type FeedEvent =
  | { type: 'feed.request'; feed: string; time: number }
  | { type: 'feed.generated'; generation: number; generatedAt: number; items: number }
  | { type: 'effect.failed'; generation: number }
  | { type: 'deadline'; at: number }

export type FeedSays =
  | { type: 'feed.generate'; feed: string; generation: number }
  | {
      type: 'feed.updated'
      feed: string
      aliases: readonly string[]
      generation: number
      generatedAt: number
      items: number
    }

const machine = setup({
  types: {} as { context: FeedContext; events: FeedEvent; emitted: FeedSays },
  guards: {
    askedAgain: ({ context, event }) => isOwn(context, event) && context.askedAt !== null,
    strayed: ({ context, event }) =>
      event.type === 'feed.request' && context.deadline! > event.time + COUNTDOWN_MS + MINUTE_MS,
    own: ({ context, event }) => isOwn(context, event),
  },
  actions: {
    ask: assign(({ context, event }) =>
      event.type === 'feed.request' ? { feed: event.feed, askedAt: context.askedAt ?? event.time } : context,
    ),
    askAnew: assign(({ context, event }) =>
      event.type === 'feed.request' ? { askedAt: event.time, ranAt: null } : context,
    ),
    schedule: assign(({ context }) => ({ deadline: nextRun(context) })),
    run: assign(({ context, event }) => ({
      generation: context.generation + 1,
      ranAt: event.type === 'deadline' ? event.at : context.ranAt,
      askedAt: null,
      deadline: null,
    })),
    generate: emit(({ context }) => ({
      type: 'feed.generate',
      feed: context.feed,
      generation: context.generation,
    })),
    sayUpdated: emit(({ context, event }) => {
      if (event.type !== 'feed.generated') throw new Error(`${event.type} is no generation`)
      const { generation, generatedAt, items } = event
      const { feed } = context
      return { type: 'feed.updated', feed, aliases: aliasesOf(feed), generation, generatedAt, items }
    }),
  },
}).createMachine({
  id: 'feed',
  initial: 'idle',
  context: { feed: '', generation: 0, ranAt: null, askedAt: null, deadline: null },
  states: {
    idle: {
      description: 'Nobody has asked for the feed since its last run. A request leads out.',
      on: {
        'feed.request': {
          description: 'Someone wants the feed anew: it is to run 15 s later, at most once a minute.',
          target: 'scheduled',
          actions: ['ask', 'schedule'],
        },
      },
    },
    scheduled: {
      description: 'The time of the next run is set, further requests are served by it. The deadline leads out.',
      on: {
        // A request of a time that was wrong must not hold up those that follow.
        'feed.request': {
          description: 'The run was set by a time that was wrong: it is set anew.',
          guard: 'strayed',
          actions: ['askAnew', 'schedule'],
        },
        deadline: {
          description: 'The time has come: the run begins.',
          target: 'generating',
          actions: ['run', 'generate'],
        },
      },
    },
    generating: {
      description:
        'A run is under way. Its end leads out: to the next run if it was asked for meanwhile, else to idle.',
      on: {
        'feed.request': {
          description: 'Someone wants what has changed since the run began: there will be another one.',
          actions: 'ask',
        },
        'feed.generated': [
          {
            description: 'The run has ended, and the feed was asked for meanwhile.',
            guard: 'askedAgain',
            target: 'scheduled',
            actions: ['sayUpdated', 'schedule'],
          },
          { description: 'The run has ended.', guard: 'own', target: 'idle', actions: 'sayUpdated' },
        ],
        'effect.failed': [
          {
            description: 'The run was given up, and the feed was asked for meanwhile.',
            guard: 'askedAgain',
            target: 'scheduled',
            actions: 'schedule',
          },
          { description: 'The run was given up.', guard: 'own', target: 'idle' },
        ],
      },
    },
  },
})

export const feed = whole(machine, examples.feed)

/** A run that was given up and tried again by an operator may end after a later one began. */
const isOwn = ({ generation }: FeedContext, event: FeedEvent): boolean =>
  'generation' in event && event.generation === generation

function nextRun({ askedAt, ranAt }: FeedContext): number {
  // A run that is later than the request by so much was timed by a clock that was wrong.
  const isRight = ranAt !== null && ranAt <= askedAt! + MINUTE_MS
  const nextMinute = isRight ? ranAt - (ranAt % MINUTE_MS) + MINUTE_MS : 0
  return Math.max(askedAt! + COUNTDOWN_MS, nextMinute)
}

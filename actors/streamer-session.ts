import type { StreamerSession } from '../machines/session.ts'
import type { StreamerEvent } from '../machines/streamer-events.ts'
import { streamerSession as machine, ratingKey, type StreamerContext, usedKey } from '../machines/streamer-session.ts'
import { type EventOf, typed } from './event.ts'
import { count, fitting, id, list, maybe, number, object, oneOf, orNull, text } from './fitting.ts'
import type { ActorKind } from './index.ts'

type FactsOf<Type> = Omit<Extract<StreamerEvent, { type: Type }>, 'type' | 'at' | 'id'>

/** The facts of what a streamer's session takes. */
export interface StreamerTakes {
  'session.start': Omit<FactsOf<'session.start'>, 'streamerId'>
  'session.preset': FactsOf<'session.preset'>
  'session.rate': FactsOf<'session.rate'>
  'session.goals': FactsOf<'session.goals'>
  'session.end': FactsOf<'session.end'>
  'session.rating-found': FactsOf<'session.rating-found'>
  'session.known': { document: SessionDocument }
}

// A session's document may be another program's, and so its id, its streamer's tags.
const sessionId = id(512)
const tags = list(text(4_096), 10_000)
const goals = list(object({ title: text(1_024), price: number }), 1_000)
const title = text(4_096)
const FACTS = {
  'session.start': {
    ...{
      fresh: id(),
      sourceId: orNull(id()),
      title: orNull(title),
      device: oneOf(null, 'lovense'),
      userTags: tags,
      price: number,
    },
  },
  'session.preset': { sessionId, preset: oneOf('preview', 'sd'), price: number },
  'session.rate': { sessionId, rater: id(), score: number },
  'session.goals': { sessionId, showGoalPairs: goals, exclusiveGoalPairs: goals },
  'session.end': { sessionId },
  'session.rating-found': { sessionId, rating: number, count: number },
  'session.known': {
    document: object({
      ...{ _id: sessionId, userId: id(512), title: maybe(title), tags: maybe(tags), ordinal: maybe(count) },
      ...{ changedAt: maybe(number), createdBy: maybe(text(1_024)), metadata: maybe(object({ name: maybe(title) })) },
      ...{ pricing: maybe(object({ price: maybe(number) })), showGoalPairs: maybe(goals) },
      exclusiveGoalPairs: maybe(goals),
      rating: maybe(
        object({
          ...{ current: maybe(number), currentCount: maybe(number) },
          ...{ previous: maybe(number), previousCount: maybe(number) },
        }),
      ),
    }),
  },
}

/** Key: the streamer's user id. Shows sessions. A part is a rating given, or the id of a session there was. */
export const streamerSession = {
  kind: 'streamer-session',
  machine,
  version: 1,
  migrations: {},
  takes: [
    'session.start',
    'session.preset',
    'session.rate',
    'session.goals',
    'session.end',
    'session.rating-found',
    'session.known',
  ],

  read: event => fitting(event, FACTS),

  receive(event): StreamerEvent {
    if (event.kind === 'session.start') return { ...typed(event), streamerId: event.key }
    if (event.kind === 'session.known') return { ...typed(event), session: recalled(event.document, event) }
    return typed(event)
  },

  needs(context, on) {
    if ('deadline' in on) return []
    const key =
      on.kind === 'session.rate'
        ? ratingKey(on.sessionId, on.rater)
        : on.kind === 'session.start' && on.sourceId
          ? usedKey(on.sourceId)
          : null
    return key === null || context.known[key] !== undefined ? [] : [key.split('\n')]
  },

  head: ({ known: _known, ...head }) => head,

  parts: (before, after) =>
    Object.entries(after.known)
      .filter(([key, value]) => before.known[key] !== value)
      .map(([key, value]) => ({ names: key.split('\n'), value })),

  withPart: (context, { names, value }) => ({
    ...context,
    known: { ...context.known, [names.join('\n')]: value as true },
  }),

  slim: context => (Object.keys(context.known).length > 0 ? { ...context, known: {} } : context),

  project(before, after, _userId, projection) {
    if (after.session !== null && before.session !== after.session) {
      projection.upsert('sessions', after.session.id, documentOf(after.session))
    }
  },

  copies: [
    { collection: 'sessions', current: { active: true }, keyOf: ({ userId }) => String(userId), shown: sessionOf },
  ],
} satisfies ActorKind<StreamerContext, EventOf<StreamerTakes>>

/** The document of a session as it is answered: `id` for `_id`, nothing that is only Rollcall's business. */
export function sessionOf(document: { readonly _id: string; readonly [field: string]: unknown }) {
  const { _id, createdBy: _by, ordinal: _n, viewersAt: _at, changedAt: _changed, ...session } = document
  return { id: _id, ...session, metadata: { name: null, viewerCount: 0, ...(session.metadata as object | undefined) } }
}

/** A session as documents show it. */
type SessionDocument = ReturnType<typeof documentOf> & { _id: string; metadata?: { name?: string | null } }

const iso = (ms: number): string => new Date(ms).toISOString()

function documentOf(session: StreamerSession) {
  const { userId, title, tags, pricing, preset, created, started, ended, name } = session
  const { current, currentCount, previous, previousCount } = session.rating
  return {
    userId,
    title,
    active: ended === null,
    tags,
    pricing,
    status: { preset },
    statuses: {
      created: iso(created),
      ...(started !== null && { started: iso(started) }),
      ...(ended !== null && { ended: iso(ended) }),
    },
    rating: { current, currentCount, previous, previousCount },
    showGoalPairs: session.showGoalPairs,
    exclusiveGoalPairs: session.exclusiveGoalPairs,
    'metadata.name': name,
    createdBy: session.createdBy,
    ordinal: session.ordinal,
    // A change is later than those it follows, by whichever clock they were.
    changedAt: Math.max(session.presetStamp.at, session.goalsStamp.at),
  }
}

/** The session of a document, which may be another program's; of its own ratings only the sum is known. */
function recalled(document: SessionDocument, { at }: { at: number }): StreamerSession {
  const { _id: id, userId, title, tags, pricing, status, statuses, rating, metadata, ordinal, createdBy } = document
  const { current = 0, currentCount = 0, previous = 0, previousCount = 0 } = rating ?? {}
  const ms = (iso: string | undefined): number | null => {
    const time = new Date(iso ?? Number.NaN).getTime()
    return Number.isNaN(time) ? null : time
  }
  const preset = status?.preset === 'sd' ? 'sd' : 'preview'
  const stamp = { at: document.changedAt ?? 0, id: '' }
  return {
    ...{ id, ordinal: ordinal ?? 1, userId, title: title ?? null, tags: tags ?? [], preset },
    pricing: { preset, price: pricing?.price ?? 0 },
    name: metadata?.name ?? null,
    created: ms(statuses?.created) ?? at,
    started: ms(statuses?.started),
    ended: document.active ? null : (ms(statuses?.ended) ?? at),
    rating: {
      ...{ current, currentCount, previous, previousCount },
      ownSum: current * currentCount - previous * previousCount,
      ownCount: currentCount - previousCount,
    },
    showGoalPairs: document.showGoalPairs ?? [],
    exclusiveGoalPairs: document.exclusiveGoalPairs ?? [],
    ...{ createdBy: createdBy ?? '', presetStamp: stamp, goalsStamp: stamp },
  }
}

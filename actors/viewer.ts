import {
  afterStay,
  areAlike,
  dueAfter,
  MOST_ROLLS,
  type Place,
  packed,
  pulsesUntil,
  type Stay,
  unpacked,
} from '../machines/pulse.ts'
import {
  type Beat,
  viewer as machine,
  type ViewerContext,
  type ViewerEvent,
  type Watched,
  WINDOW_MS,
  windowOf,
} from '../machines/viewer.ts'
import type { Event, EventOf } from './event.ts'
import { fitting, id, list, maybe, name, orNull, page } from './fitting.ts'
import type { ActorKind, Projection, Tally } from './index.ts'

/** Viewers who were not there for so long leave the streamer's. */
export const STALE_MS = 3 * 86_400_000

/** The field by which a streamer's viewers are found in the order of time. */
export const seenAt = (streamerId: string, at: number): string => `${streamerId}\n${String(at).padStart(16, '0')}`

export const seenSince = (streamerId: string, at: number) => ({ $gte: seenAt(streamerId, at), $lt: `${streamerId}\v` })
export const seenBefore = (streamerId: string, at: number) => ({ $gte: `${streamerId}\n`, $lt: seenAt(streamerId, at) })

type Heartbeat = ViewerEvent & { type: 'heartbeat' }

/** The facts of what a viewer takes. */
export interface ViewerTakes {
  heartbeat: Omit<Beat, 'at'> & { streamer?: string; preset?: string }
}

const FACTS = {
  heartbeat: {
    ...{ path: page, stream: orNull(id()), country: name, groups: list(name, 1_000) },
    ...{ streamer: maybe(id(512)), preset: maybe(name) },
  },
}

/** Streams a beat is about: on a new one the viewer forgets those that are frozen. */
const streamsOf = ({ streams }: ViewerContext, stream: string | null): readonly string[] =>
  stream === null ? [] : streams.includes(stream) ? [stream] : [stream, ...streams]

/** Key: the user id. Shows viewing sessions, and when it last saw which streamer. */
export const viewer = {
  kind: 'viewer',
  machine,
  version: 3,
  // Pulses are beside the record since the second version, and stays since the third: former ones do not look for them.
  migrations: { 1: kept => kept, 2: kept => kept },
  takes: ['heartbeat'],

  // A path of no stream had no `stream` in the first version.
  read: (event: Event) => fitting(event.stream === undefined ? { ...event, stream: null } : event, FACTS),

  receive(event, context, { rules, isFrozen }): Heartbeat {
    const { at, arrival, path, stream, country, groups, streamer, preset } = event
    const frozen = streamsOf(context, stream).filter(id => isFrozen(id))
    const show = streamer === undefined ? null : { streamerId: streamer, preset: preset! }
    return { type: 'heartbeat', beat: { at, path, stream, country, groups }, show, arrival, frozen, rules }
  },

  head: context => context,
  parts: () => [],
  withPart: context => context,
  slim: context => context,

  project(before, after, userId, projection) {
    if (before.watched !== after.watched) projectWatched(before, after, userId, projection)
    if (before.runs === after.runs) return
    for (const run of after.runs) {
      if (before.runs.includes(run)) continue
      const former = before.runs.find(({ start }) => start === run.start)
      if (former?.written === run.written) continue
      writeRun(run, run.written, userId, projection)
    }
    for (const run of before.runs) {
      if (after.runs.includes(run)) continue
      if (after.runs.some(({ start }) => start === run.start)) continue
      const id = `${userId}-${run.start}`
      const swallowed = after.runs.some(({ start, end }) => start <= run.start && run.end <= end)
      if (swallowed) projection.remove('viewing-sessions', id)
      else if (run.written !== run.end) writeRun(run, run.end, userId, projection)
    }
  },

  tally(before, after, userId, event, tally: Tally) {
    if (event.type !== 'heartbeat') return
    const { beat, arrival, frozen } = event as Heartbeat
    if (before.last !== after.last) tally.moved(userId, before.last, after.last!)
    if (before.last === null) tally.attended(userId, null)
    const attends = beat.stream !== null && after.streams.includes(beat.stream) && !frozen.includes(beat.stream)
    // A stream the viewer did not attend is not counted, so that one viewer alone makes no streams without end.
    if (attends) tally.arrived(beat.stream!, arrival)
    if (before.streams !== after.streams && after.streams.at(-1) === beat.stream) tally.attended(userId, beat.stream)
    if (before.cohorts === after.cohorts) return
    for (const cohort of after.cohorts) {
      if (before.cohorts.includes(cohort)) continue
      const former = before.cohorts.find(({ window }) => window === cohort.window)
      if (former) tally.counted(former.window, former.country, former.groups, -1)
      tally.counted(cohort.window, cohort.country, cohort.groups, 1)
    }
  },

  tallyRecords: (context, { stream, at }) => [
    ...streamsOf(context, stream as string | null).map(id => ['stream', id]),
    ['window', String(windowOf(at as number))],
  ],

  presence: ({ last }) => last,
  pulse: {
    kind: 'heartbeat',
    state: 'watching',
    until: (facts, context, rules) => pulsesUntil(context, facts as Place, rules),
    isAlike: (facts, others) => areAlike(facts as Place, others as Place),
    after: afterStay,
    window: windowOf,
    windowMs: WINDOW_MS,
    mostRolls: MOST_ROLLS,
    roll(facts, window, tally) {
      const { country, groups } = facts as Place
      tally.counted(window, country, groups, 1)
    },
    due: dueAfter,
    write: projectStay,
    pack: packed,
    unpack: unpacked,
  },
  viewing: ({ runs }) => runs.at(-1) ?? null,
  attended: ({ last, streams }) => last && streams,
  remarks: { 'heartbeat.too-late': tally => tally.tooLate() },
} satisfies ActorKind<ViewerContext, EventOf<ViewerTakes>>

/** As the machine's `write` would. */
function projectStay(context: ViewerContext, stay: Stay, userId: string, projection: Projection): void {
  const { last, runs, watched } = context
  for (const run of runs) {
    const isLast = run === runs.at(-1)
    const end = isLast ? stay.at : run.end
    const written = isLast ? stay.written || run.written : stay.written > 0 ? run.end : run.written
    if (written !== end) writeRun(run, end, userId, projection)
  }
  for (const show of watched) {
    const isThere = show.at === last!.at
    const at = isThere ? stay.at : show.at
    const written = isThere ? stay.written || show.written : stay.written > 0 ? show.at : show.written
    if (written !== at) write(show, at, userId, projection)
  }
}

const writeRun = ({ start }: { start: number }, end: number, userId: string, projection: Projection): void =>
  projection.upsert('viewing-sessions', `${userId}-${start}`, { userId, start, end })

function projectWatched(before: ViewerContext, after: ViewerContext, userId: string, projection: Projection): void {
  for (const show of after.watched) {
    if (sameIn(before.watched, show)?.written !== show.written) write(show, show.written, userId, projection)
  }
  for (const show of before.watched) {
    if (show.at !== show.written && !sameIn(after.watched, show)) write(show, show.at, userId, projection)
  }
}

function sameIn(watched: readonly Watched[], { streamerId, preset }: Watched): Watched | undefined {
  for (const each of watched) if (each.streamerId === streamerId && each.preset === preset) return each
  return undefined
}

function write({ streamerId, preset }: Watched, lastAt: number, userId: string, projection: Projection): void {
  const set = { streamerId, preset, userId, lastAt, seen: seenAt(streamerId, lastAt) }
  projection.upsert('stream-viewers', [streamerId, preset, userId].join('\n'), set)
}

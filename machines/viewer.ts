import { assign, emit, setup } from 'xstate'
import { examples } from './examples.ts'
import { joined, type Run, written } from './viewing-sessions.ts'
import { whole } from './whole.ts'

/** A user who watches: one heartbeat every 30 s from whatever page is open. */
export interface Beat {
  at: number
  path: string
  /** the stream the path belongs to */
  stream: string | null
  /** upper case, `ZZ` unknown */
  country: string
  /** sorted, distinct */
  groups: readonly string[]
}

/** The earliest beat in a five-minute window: it says in which groups and country the viewer is counted there. */
export interface Cohort {
  window: number
  at: number
  path: string
  country: string
  groups: readonly string[]
}

/** A streamer in a preset. */
export interface Show {
  streamerId: string
  preset: string
}

/** A show the viewer saw, until no beat may come that would be news of it. */
export interface Watched extends Show {
  /** of the newest beat, and of that which is in its document */
  at: number
  written: number
}

export interface ViewerRules {
  gapMs: number
  lateMs: number
  /** how long a run may grow before its document is written again; by default 5 min */
  writeMs?: number
}

export interface ViewerContext {
  /** the newest beat: where the viewer is */
  last: Beat | null
  runs: readonly Run[]
  cohorts: readonly Cohort[]
  /** streams attended that are not frozen yet */
  streams: readonly string[]
  watched: readonly Watched[]
  deadline: number | null
}

export type ViewerEvent =
  | {
      type: 'heartbeat'
      beat: Beat
      /** what its stream shows; null where that is not known */
      show: Show | null
      arrival: number
      /** those of the streams this is about that no longer count attendance */
      frozen: readonly string[]
      rules: ViewerRules
    }
  | { type: 'deadline'; at: number; rules: ViewerRules }

/** All that a viewer says; it is counted, and goes nowhere else. */
export type ViewerSays = { type: 'heartbeat.too-late' }

export const WINDOW_MS = 300_000
export const ALIVE_MS = 65_000
const WRITE_EVERY_MS = 300_000
/** Streams one viewer may attend at a time; nobody watches as many, and a list has to end. */
const MOST_STREAMS = 1_000

export const windowOf = (at: number): number => at - (at % WINDOW_MS)

/** Everything older than this is settled for a viewer whose newest beat is `newest`. */
export const settledBefore = (newest: number, lateMs: number): number => newest - lateMs

const TOO_LATE = {
  description: 'A heartbeat so far behind the newest that all around it is settled: it is counted, no more.',
  guard: 'tooLate',
  actions: 'tooLate',
} as const

const machine = setup({
  types: {} as { context: ViewerContext; events: ViewerEvent; emitted: ViewerSays },
  guards: {
    tooLate: ({ context, event }) =>
      event.type === 'heartbeat' && event.beat.at < settledBefore(context.last!.at, event.rules.lateMs),
    gone: ({ context, event }) => event.type === 'deadline' && event.at >= goneAt(context.last!.at, event.rules),
  },
  actions: {
    beat: assign(({ context, event }) => (event.type === 'heartbeat' ? beaten(context, event) : context)),
    write: assign(({ context, event }) => ({
      runs: written(context.runs),
      watched: seen(context.watched),
      deadline: event.type === 'deadline' ? nextWrite(context.last!.at, event.at, event.rules) : null,
    })),
    close: assign(({ context }) => ({
      runs: written(context.runs),
      watched: seen(context.watched),
      deadline: null,
    })),
    tooLate: emit({ type: 'heartbeat.too-late' }),
  },
}).createMachine({
  id: 'viewer',
  initial: 'unseen',
  context: { last: null, runs: [], cohorts: [], streams: [], watched: [], deadline: null },
  states: {
    unseen: {
      description: 'The user was never seen. The first heartbeat leads out.',
      on: {
        heartbeat: { description: 'The user has a page open for the first time.', target: 'watching', actions: 'beat' },
      },
    },
    watching: {
      description:
        'The user has a page open. A deadline leads out, when no heartbeat has come for longer than a viewing session may pause.',
      on: {
        heartbeat: [
          TOO_LATE,
          { description: 'The user still has a page open, or had one a while ago.', actions: 'beat' },
        ],
        deadline: [
          {
            description: 'The user is gone, and its viewing session over.',
            guard: 'gone',
            target: 'away',
            actions: 'close',
          },
          {
            description: 'The user is there; time to write how long its viewing session has become.',
            actions: 'write',
          },
        ],
      },
    },
    away: {
      description: 'The user has no page open. A heartbeat leads out.',
      on: {
        heartbeat: [
          TOO_LATE,
          { description: 'The user is back, or was there a while ago.', target: 'watching', actions: 'beat' },
        ],
      },
    },
  },
})

export const viewer = whole(machine, examples.viewer)

function beaten(context: ViewerContext, event: ViewerEvent & { type: 'heartbeat' }): Partial<ViewerContext> {
  const { beat, show, rules, frozen } = event
  const last = context.last === null || compareBeats(beat, context.last) > 0 ? beat : context.last
  const settled = settledBefore(last.at, rules.lateMs)
  return {
    last,
    runs: since(joined(context.runs, beat.at, rules.gapMs), run => run.end >= settled - rules.gapMs),
    cohorts: since(cohorts(context.cohorts, beat), cohort => cohort.window + WINDOW_MS > settled),
    streams: attended(context.streams, beat.stream, frozen),
    watched: watched(context.watched, show, beat.at, settled),
    deadline: context.deadline ?? nextWrite(last.at, event.arrival, rules),
  }
}

/** When a viewer that was last heard then is gone. */
export const goneAt = (lastAt: number, { gapMs }: ViewerRules): number => lastAt + Math.max(gapMs, ALIVE_MS)

/** Or when the viewer is gone: until then it has a deadline ahead. */
export const nextWrite = (lastAt: number, now: number, rules: ViewerRules): number =>
  Math.min(goneAt(lastAt, rules), now + (rules.writeMs ?? WRITE_EVERY_MS))

/** By `at`; at one `at` by code units of path, country, groups, so that order of arrival decides nothing. */
export function compareBeats(a: Omit<Beat, 'stream'>, b: Omit<Beat, 'stream'>): number {
  if (a.at !== b.at) return a.at - b.at
  return order(a.path, b.path) || order(a.country, b.country) || orderAll(a.groups, b.groups)
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function orderAll(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const found = order(a[i]!, b[i]!)
    if (found !== 0) return found
  }
  return a.length - b.length
}

/** The items (in time order) from the first that is still wanted on. */
export function since<T>(items: readonly T[], wanted: (item: T) => boolean): readonly T[] {
  let first = 0
  while (first < items.length && !wanted(items[first]!)) first++
  return first === 0 ? items : items.slice(first)
}

function cohorts(known: readonly Cohort[], beat: Beat): readonly Cohort[] {
  const window = windowOf(beat.at)
  let i = known.length
  while (i > 0 && known[i - 1]!.window > window) i--
  const there = i > 0 && known[i - 1]!.window === window ? known[i - 1]! : null
  if (there && compareBeats(there, beat) <= 0) return known
  const { at, path, country, groups } = beat
  // A list that is spread has room for many more.
  return known.toSpliced(there ? i - 1 : i, there ? 1 : 0, { window, at, path, country, groups })
}

function attended(streams: readonly string[], stream: string | null, frozen: readonly string[]): readonly string[] {
  if (stream === null || streams.includes(stream)) return streams
  const open = frozen.length === 0 ? streams : streams.filter(id => !frozen.includes(id))
  return frozen.includes(stream) || open.length >= MOST_STREAMS ? open : open.concat(stream)
}

function watched(known: readonly Watched[], show: Show | null, at: number, settled: number): readonly Watched[] {
  const open = known.some(each => each.at < settled) ? known.filter(each => each.at >= settled) : known
  if (show === null) return open
  const { streamerId, preset } = show
  const there = open.findIndex(each => each.streamerId === streamerId && each.preset === preset)
  if (there < 0) return open.length < MOST_STREAMS ? open.concat({ streamerId, preset, at, written: at }) : open
  return at > open[there]!.at ? open.with(there, { ...open[there]!, at }) : open
}

const seen = (known: readonly Watched[]): readonly Watched[] =>
  known.some(({ at, written }) => at !== written) ? known.map(each => ({ ...each, written: each.at })) : known

import {
  goneAt,
  nextWrite,
  settledBefore,
  since,
  type ViewerContext,
  type ViewerRules,
  WINDOW_MS,
  windowOf,
} from './viewer.ts'

/**
 * Pulses: heartbeats of a viewer that stays where it is. Nearly all are such; what they come to is worked out without the
 * machine, and is what the machine would have made of them. So are the documents of such a viewer.
 */

export { packed, unpacked } from './packed-viewer.ts'

/** A heartbeat as it comes, without who and when. */
export interface Place {
  path: string
  stream?: string | null
  country: string
  groups: readonly string[]
  /** what its stream shows; undefined where that is not known */
  streamer?: string | null
  preset?: string | null
}

/** All that is new of a viewer that stayed where its context says it is. Times are in ms. */
export interface Stay {
  /** of its last beat, which is later than those that the context knows of */
  at: number
  /** of its first beat in each window that is later than those of the context, in order */
  rolls: readonly number[]
  /** of its last beat when its documents were last written; 0: they are as the context says */
  written: number
  /** when they are due again; 0: as the context says */
  due: number
  /** how far behind its last beat all is settled */
  lateMs: number
}

/** Windows that a stay goes through at most. */
export const MOST_ROLLS = 12

/**
 * The time (ms) before which beats at a place are pulses of a viewer who watches, each at most `gapMs` after the
 * one before; 0 if none is.
 */
export function pulsesUntil(context: ViewerContext, beat: Place, rules: ViewerRules): number {
  const { last, runs, streams, watched, deadline } = context
  const { gapMs, lateMs } = rules
  const { path, stream = null, country, groups } = beat
  if (beat.streamer === undefined && beat.preset !== undefined) return 0
  if (last === null || deadline === null) return 0
  if (path !== last.path || stream !== last.stream || country !== last.country) return 0
  if (!areSame(groups, last.groups) || (stream !== null && !streams.includes(stream))) return 0
  // From then on something is settled, and forgotten, and maybe written.
  let until = runs.length > 1 ? Math.floor(runs[0]!.end) + gapMs + lateMs + 1 : Number.POSITIVE_INFINITY
  let isShown = beat.streamer === undefined
  for (const show of watched) {
    if (show.at !== last.at) until = Math.min(until, Math.floor(show.at) + lateMs + 1)
    else if (isShown || show.streamerId !== beat.streamer || show.preset !== beat.preset) return 0
    else isShown = true
  }
  return isShown ? until : 0
}

/** True if one of two places, of which `other` may hold anything, says no more of a viewer than the other does. */
export const areAlike = (one: Place, other: Place): boolean =>
  one.path === other.path &&
  one.stream === other.stream &&
  one.country === other.country &&
  one.streamer === other.streamer &&
  one.preset === other.preset &&
  areSame(other.groups, one.groups)

/** The context after a stay; the very same if it knows of a beat as late. */
export function afterStay(context: ViewerContext, { at, rolls, written, due, lateMs }: Stay): ViewerContext {
  const { last, runs, cohorts, watched, deadline } = context
  if (last === null || at <= last.at) return context
  const { path, country, groups } = last
  const rolled = rolls.map(at => ({ window: windowOf(at), at, path, country, groups }))
  const settled = settledBefore(at, lateMs)
  const ended = runs.length - 1
  return {
    ...context,
    last: { ...last, at },
    runs: runs.map((run, i) => {
      if (i === ended) return { start: run.start, end: at, written: written || run.written }
      return written > 0 ? { ...run, written: run.end } : run
    }),
    cohorts: since([...cohorts, ...rolled], ({ window }) => window + WINDOW_MS > settled),
    watched: watched.map(show => {
      if (show.at === last.at) return { ...show, at, written: written || show.written }
      return written > 0 ? { ...show, written: show.at } : show
    }),
    deadline: due || deadline,
  }
}

/** When documents that are written at a deadline are due again, after a stay; 0 if the machine has to say. */
export function dueAfter({ at }: Stay, now: number, rules: ViewerRules): number {
  return now < goneAt(at, rules) ? Math.max(0, nextWrite(at, now, rules)) : 0
}

function areSame(groups: readonly string[], others: readonly string[]): boolean {
  if (!Array.isArray(groups) || groups.length !== others.length) return false
  for (let i = 0; i < groups.length; i++) if (groups[i] !== others[i]) return false
  return true
}

import { type ViewerContext, type ViewerRules, WINDOW_MS, windowOf } from './viewer.ts'

/**
 * Pulses: heartbeats that change nothing about a viewer but when it was last heard. Nine of ten are such; what they come
 * to is worked out without the machine, and is what the machine would have made of them.
 */

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

/**
 * The time (ms) before which beats at a place are pulses of a viewer who watches, each at most `gapMs` after the
 * one before; 0 if none is. It was last heard at `heard`: the time of the newest beat in the context, or of the pulse that
 * came last since.
 */
export function pulsesUntil(context: ViewerContext, heard: number, beat: Place, rules: ViewerRules): number {
  const { last, runs, cohorts, streams, watched, deadline } = context
  const { gapMs, lateMs } = rules
  const { path, stream = null, country, groups } = beat
  if (beat.streamer === undefined && beat.preset !== undefined) return 0
  if (last === null || deadline === null) return 0
  if (path !== last.path || stream !== last.stream || country !== last.country) return 0
  if (!areSame(groups, last.groups) || (stream !== null && !streams.includes(stream))) return 0
  // From then on something is settled, and forgotten.
  let until = Math.min(windowOf(heard), cohorts[0]!.window + lateMs) + WINDOW_MS
  if (runs.length > 1) until = Math.min(until, Math.floor(runs[0]!.end) + gapMs + lateMs + 1)
  let isShown = beat.streamer === undefined
  for (const show of watched) {
    if (show.at !== last.at) until = Math.min(until, Math.floor(show.at) + lateMs + 1)
    else if (isShown || show.streamerId !== beat.streamer || show.preset !== beat.preset) return 0
    else isShown = true
  }
  return isShown ? until : 0
}

/** The context after pulses of which the last was at `at` (ms); the very same if it knows of a beat as late. */
export function afterPulses(context: ViewerContext, at: number): ViewerContext {
  const { last, runs, watched } = context
  if (last === null || at <= last.at) return context
  const { start, written } = runs.at(-1)!
  return {
    ...context,
    last: { ...last, at },
    runs: runs.length === 1 ? [{ start, end: at, written }] : runs.with(-1, { start, end: at, written }),
    watched: watched.map(show => (show.at === last.at ? { ...show, at } : show)),
  }
}

function areSame(groups: readonly string[], others: readonly string[]): boolean {
  if (!Array.isArray(groups) || groups.length !== others.length) return false
  for (let i = 0; i < groups.length; i++) if (groups[i] !== others[i]) return false
  return true
}

import { type Beat, type Cohort, type Show, type ViewerContext, type Watched, windowOf } from './viewer.ts'
import type { Run } from './viewing-sessions.ts'

/** Where a viewer was, and what it saw there: what many have in common, so that one is there for all of them. */
export interface Spot extends Omit<Beat, 'at'> {
  /** its stream, if it is one's */
  streams: readonly string[]
  /** one at most */
  shows: readonly Show[]
  /** how often packed viewers that are in memory have it */
  holders: number
}

/** A viewer in few bytes: all that others have too is shared, the rest is numbers. */
export interface PackedViewer {
  /** where it is; of one that was elsewhere a list: also its streams, its shows, and where each of its cohorts was */
  spots: Spot | readonly [Spot, readonly string[], readonly Show[], ...Spot[]]
  /** ms: of the last beat, of the deadline (NaN: none); how many runs; all of these; of cohorts; of what was watched */
  numbers: readonly number[]
}

/** Answers the one thing of that name, which is made if none is known. */
export type Share = <T extends object>(name: string, make: () => T) => T

const [BEFORE_RUNS, OF_A_RUN, OF_A_SHOW] = [3, 3, 2]
/** Characters that name a spot: a longer one is hardly shared, and would be of its viewer alone. */
const LONGEST = 256
/** A list that is full of numbers which are no small ones: copies of it have room for no more than is in them. */
const room = Array.from({ length: 64 }, () => 0.5)

/** Null if it cannot be packed; the context, which comes from the checkpoint, may hold anything. */
export function packed(context: ViewerContext, share: Share): PackedViewer | null {
  const { last, runs, cohorts, streams, watched, deadline } = context
  if (last === null || !isPackable(context)) return null
  let size = 0
  room[size++] = last.at
  room[size++] = deadline ?? Number.NaN
  room[size++] = runs.length
  for (const { start, end, written } of runs) {
    room[size++] = start
    room[size++] = end
    room[size++] = written
  }
  for (const { at } of cohorts) room[size++] = at
  for (const { at, written } of watched) {
    room[size++] = at
    room[size++] = written
  }
  const spot = spotOf(last, watched.length === 1 ? watched[0]! : null, share)
  if (spot === null) return null
  const numbers = room.slice(0, size)
  const isThere = areSame(streams, spot.streams) && watched.length <= 1 && cohorts.every(each => isAt(each, spot))
  if (isThere) return { spots: spot, numbers }
  const shows = watched.map(({ streamerId, preset }) => ({ streamerId, preset }))
  const others: Spot[] = []
  for (const each of cohorts) {
    const other = isAt(each, spot) ? spot : spotOf({ ...each, stream: null }, null, share)
    if (other === null) return null
    others.push(other)
  }
  return { spots: [spot, streams, shows, ...others], numbers }
}

export function unpacked({ spots, numbers }: PackedViewer): ViewerContext {
  const list = isList(spots)
  const [spot, streams, shows] = list ? spots : [spots, spots.streams, spots.shows]
  const { path, stream, country, groups } = spot
  let next = BEFORE_RUNS
  const runs: Run[] = []
  for (const end = next + OF_A_RUN * numbers[2]!; next < end; next += OF_A_RUN)
    runs.push({ start: numbers[next]!, end: numbers[next + 1]!, written: numbers[next + 2]! })
  const cohorts: Cohort[] = []
  for (const end = numbers.length - OF_A_SHOW * shows.length; next < end; next++) {
    const { path, country, groups } = list ? (spots[3 + cohorts.length] as Spot) : spot
    cohorts.push({ window: windowOf(numbers[next]!), at: numbers[next]!, path, country, groups })
  }
  const watched: Watched[] = []
  for (const show of shows) watched.push({ ...show, at: numbers[next++]!, written: numbers[next++]! })
  const deadline = Number.isNaN(numbers[1]) ? null : numbers[1]!
  return { last: { at: numbers[0]!, path, stream, country, groups }, runs, cohorts, streams, watched, deadline }
}

/** A viewer has these spots from now on (1), or no longer (-1). */
export function hold(spots: PackedViewer['spots'], by: 1 | -1): void {
  for (const spot of spotsIn(spots)) spot.holders += by
}

/** All spots that a viewer has, one as often as it has it. */
export function spotsIn(spots: PackedViewer['spots']): readonly Spot[] {
  if (!isList(spots)) return [spots]
  const [spot, , , ...others] = spots
  return [spot, ...others]
}

/** The streams that it attends. */
export const streamsIn = (spots: PackedViewer['spots']): readonly string[] => (isList(spots) ? spots[1] : spots.streams)

/** Where it is. */
export const spotIn = ({ spots }: PackedViewer): Spot => (isList(spots) ? spots[0] : spots)

/** True of those that a machine of this version makes: of all else some would be lost. */
function isPackable({ last, runs, cohorts, streams, watched, deadline }: ViewerContext): boolean {
  if (!isPlace(last) || !isTime(last!.at) || !(last!.stream === null || isText(last!.stream))) return false
  if (!(deadline === null || isTime(deadline)) || !areAll(runs, isRun) || !areAll(cohorts, isCohort)) return false
  return areAll(streams, isText) && areAll(watched, isWatched)
}

const isText = (value: unknown): boolean => typeof value === 'string'
const isTime = (value: unknown): boolean => Number.isFinite(value)
const isRun = (run: Run | null): boolean => isTime(run?.start) && isTime(run?.end) && isTime(run?.written)
const isCohort = (cohort: Cohort | null): boolean =>
  isPlace(cohort) && isTime(cohort!.at) && cohort!.window === windowOf(cohort!.at)
const isWatched = (show: Watched | null): boolean =>
  isText(show?.streamerId) && isText(show?.preset) && isTime(show?.at) && isTime(show?.written)
const isPlace = (place: Omit<Cohort, 'window'> | null): boolean =>
  isText(place?.path) && isText(place?.country) && areAll(place?.groups, isText)

function areAll<T>(list: readonly T[] | undefined, isOne: (element: T) => boolean): boolean {
  if (!Array.isArray(list)) return false
  for (let i = 0; i < list.length; i++) if (!isOne(list[i])) return false
  return true
}

const isList = (spots: PackedViewer['spots']): spots is Exclude<PackedViewer['spots'], Spot> => Array.isArray(spots)

function spotOf({ path, stream, country, groups }: Omit<Beat, 'at'>, show: Show | null, share: Share): Spot | null {
  // Lengths before the texts, so that no two are named alike.
  let name = `${path.length},${country.length},${stream === null ? '' : stream.length}`
  let texts = path + country + (stream ?? '')
  for (const group of groups) {
    name += `,${group.length}`
    texts += group
  }
  if (show) {
    name += `;${show.streamerId.length}`
    texts += show.streamerId + show.preset
  }
  if (name.length + texts.length > LONGEST) return null
  return share(`${name}:${texts}`, () => {
    const shows = show ? [{ streamerId: show.streamerId, preset: show.preset }] : []
    return { path, stream, country, groups, streams: stream === null ? [] : [stream], shows, holders: 0 }
  })
}

function isAt({ path, country, groups }: Omit<Cohort, 'window' | 'at'>, spot: Spot): boolean {
  return path === spot.path && country === spot.country && areSame(groups, spot.groups)
}

function areSame(texts: readonly string[], others: readonly string[]): boolean {
  if (texts.length !== others.length) return false
  for (let i = 0; i < texts.length; i++) if (texts[i] !== others[i]) return false
  return true
}

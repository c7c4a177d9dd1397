/**
 * The day rules of web sessions, pure: the distinct events of one visitor and one local day, in the order (ts, id),
 * cut into sub sessions. Whatever the order and repetition in which events are placed, the day comes out the same.
 */
import {
  bounded,
  type Chunk,
  countOf,
  DAY_VISITS,
  holds,
  inOrder,
  mergedInto,
  type Source,
  type Visit,
  visitsFrom,
} from './visits.ts'
import { sessionId } from './web-session-id.ts'

export { CHUNK, type Chunk, type Source, type Visit } from './visits.ts'

export type Opening = 'first' | 'day' | 'inactivity' | 'source'

export interface WebSession {
  /** `<visitor>-<day>`, from the second of a day on with `#<index>` */
  id: string
  visitorId: string
  day: string
  index: number
  openedBy: Opening
  firstEventAt: number
  firstPage: string
  eventCount: number
  /** runs of consecutive equal pages, without query and fragment */
  pageViews: number
  singlePage: boolean
  userId: string | null
  lastEventAt: number
  lastPage: string
  durationMs: number
  source: Source | null
  /** the first that is not empty; absent where there is none */
  partyId?: string
  /** of the last session of a day that does not keep all of its visits */
  truncated?: true
}

export interface Day {
  visitorId: string
  day: string
  /** why the first session of the day was opened */
  opener: 'first' | 'day'
  /** one after the other: all visits of the day in order */
  chunks: readonly Chunk[]
  /** session n holds the next `eventCount` visits after those of session n-1 */
  sessions: readonly WebSession[]
  /** there were more visits than a day keeps */
  truncated?: true
}

export const emptyDay = (visitorId: string, day: string, opener: 'first' | 'day'): Day => ({
  visitorId,
  day,
  opener,
  chunks: [],
  sessions: [],
})

/**
 * The day with the visits among its own, of which the first with an id counts: merged at once, and cut into sessions
 * from the first changed place on. The very same day if it has them all.
 */
export function placed<D extends Day>(day: D, visits: readonly Visit[], inactivityMs: number): D {
  const fresh = new Map<string, Visit>()
  for (const visit of visits) if (!fresh.has(visit.id) && !holds(day.chunks, visit.id)) fresh.set(visit.id, visit)
  if (fresh.size === 0) return day
  const merged = mergedInto(day.chunks, [...fresh.values()].sort(inOrder))
  const { chunks, isCut } = bounded(merged.chunks)
  const truncated = isCut || day.truncated === true
  const places = merged.places.filter(place => place < DAY_VISITS)
  if (places.length === 0 && day.truncated) return day
  const sessions = cutAnew({ ...day, chunks }, places, inactivityMs)
  return { ...day, chunks, sessions: truncated ? marked(sessions) : sessions, ...(truncated && { truncated }) }
}

/** The day with another reason for its first session. */
export function reopened<D extends Day>(day: D, opener: 'first' | 'day'): D {
  if (day.opener === opener) return day
  return { ...day, opener, sessions: day.sessions.map((s, i) => (i === 0 ? { ...s, openedBy: opener } : s)) }
}

/** The visits of the session at `index` (from 1). */
export function visitsOf(day: Pick<Day, 'chunks' | 'sessions'>, index: number): Visit[] {
  let start = 0
  for (const session of day.sessions.slice(0, index - 1)) start += session.eventCount
  return day.chunks.flat().slice(start, start + (day.sessions[index - 1]?.eventCount ?? 0))
}

/** The sessions of a day that has new visits at these places; `day.sessions` are those of before. */
function cutAnew(day: Day, places: readonly number[], inactivityMs: number): WebSession[] {
  const old = day.sessions
  const at = places[0] ?? countOf(day.chunks)
  let keep = 0
  let start = 0
  // Sessions before the one that holds the visit in front of the first change stay as they are.
  while (keep < old.length && start + old[keep]!.eventCount < at) start += old[keep++]!.eventCount
  const sessions = old.slice(0, keep)
  const visits = visitsFrom(day.chunks, start)
  const end = start + visits.length
  // Old session `o` began at `was`, counted without the `passed` new visits before it.
  let [o, was, passed] = [keep, start, 0]
  for (let first = start; first < end; first += sessions.at(-1)!.eventCount) {
    while (places[passed]! < first) passed++
    while (o < old.length && was < first - passed) was += old[o++]!.eventCount
    const index = sessions.length + 1
    const visit = visits[first - start]!
    const openedBy = openingOf(sessions.at(-1), visit, day.opener, inactivityMs)!
    const isOld = places[passed] !== first && was === first - passed && first + old[o]!.eventCount <= end
    const known = isOld ? old[o]! : null
    const news = places[passed]! - first
    // A session with nothing new inside is as it was; behind it something new may still be of it.
    const from = known && !(news < known.eventCount) ? renumbered(known, index, openedBy) : null
    if (from && news !== from.eventCount) sessions.push(from)
    else {
      const begun = from ?? opened(day, index, openedBy, visit)
      sessions.push(extended(begun, visits, first - start + begun.eventCount, inactivityMs))
    }
  }
  return sessions
}

function opened(day: Day, index: number, openedBy: Opening, visit: Visit): WebSession {
  return {
    id: sessionId(day.visitorId, day.day, index),
    visitorId: day.visitorId,
    day: day.day,
    index,
    openedBy,
    firstEventAt: visit.ts,
    firstPage: visit.page,
    eventCount: 1,
    pageViews: 1,
    singlePage: true,
    userId: visit.userId || null,
    lastEventAt: visit.ts,
    lastPage: visit.page,
    durationMs: 0,
    source: sourceOf(visit),
    ...(visit.partyId && { partyId: visit.partyId }),
  }
}

/** The session with the visits from `next` on that are of it too. */
function extended(session: WebSession, visits: readonly Visit[], next: number, inactivityMs: number): WebSession {
  let { pageViews, userId, partyId, lastEventAt, lastPage } = session
  let page = bare(lastPage)
  let end = next
  for (; end < visits.length; end++) {
    const visit = visits[end]!
    if (breakBefore(visit, lastEventAt, session.source, inactivityMs) !== null) break
    const here = bare(visit.page)
    if (here !== page) pageViews++
    page = here
    userId ??= visit.userId || null
    partyId ||= visit.partyId
    lastEventAt = visit.ts
    lastPage = visit.page
  }
  if (end === next) return session
  const eventCount = session.eventCount + end - next
  const durationMs = lastEventAt - session.firstEventAt
  const singlePage = pageViews === 1
  const grown = { ...session, eventCount, pageViews, singlePage, userId, lastEventAt, lastPage, durationMs }
  return partyId ? { ...grown, partyId } : grown
}

/** The session at another place of its day. */
function renumbered(session: WebSession, index: number, openedBy: Opening): WebSession {
  if (session.index === index && session.openedBy === openedBy && !session.truncated) return session
  const { truncated: _, ...rest } = session
  return { ...rest, id: sessionId(session.visitorId, session.day, index), index, openedBy }
}

/** The sessions of a day that does not keep all of its visits: the last says so. */
function marked(sessions: WebSession[]): WebSession[] {
  const last = sessions.at(-1)!
  return last.truncated ? sessions : sessions.with(-1, { ...last, truncated: true })
}

function openingOf(
  current: WebSession | undefined,
  visit: Visit,
  opener: 'first' | 'day',
  inactivityMs: number,
): Opening | null {
  return current ? breakBefore(visit, current.lastEventAt, current.source, inactivityMs) : opener
}

/** Why a visit is not of the session whose last was at `lastAt`; null if it is. */
function breakBefore(visit: Visit, lastAt: number, source: Source | null, inactivityMs: number): Opening | null {
  if (visit.ts - lastAt > inactivityMs) return 'inactivity'
  if (!visit.source) return null
  const own = sourceOf(visit)
  return own && own.source !== 'direct' && !sameSource(own, source) ? 'source' : null
}

const bare = (page: string): string => {
  const end = page.search(/[?#]/)
  return end < 0 ? page : page.slice(0, end)
}

const PARTS = ['source', 'medium', 'campaign', 'keyword', 'content'] as const

/** The source without empty parts, null if nothing is left. */
function sourceOf(visit: Visit): Source | null {
  if (!visit.source) return null
  const source: Source = {}
  for (const part of PARTS) if (visit.source[part]) source[part] = visit.source[part]
  return Object.keys(source).length > 0 ? source : null
}

const sameSource = (a: Source, b: Source | null): boolean => PARTS.every(part => (a[part] ?? '') === (b?.[part] ?? ''))

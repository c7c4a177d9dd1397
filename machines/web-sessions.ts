/**
 * The day rules of web sessions, pure: the distinct events of one visitor and one local day, in the order (ts, id),
 * cut into sub sessions. Whatever the order and repetition in which events are placed, the day comes out the same.
 */
import { sessionId } from './web-session-id.ts'

export interface Source {
  source?: string
  medium?: string
  campaign?: string
  keyword?: string
  content?: string
}

/** One web event as it is kept. `id` is unique within a visitor's day. */
export interface Visit {
  id: string
  ts: number
  page: string
  userId?: string
  referrer?: string
  source?: Source
}

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
}

/** At most this many visits share a chunk, so that an event in order rewrites one small record. */
export const CHUNK = 512
export type Chunk = readonly Visit[]

export interface Day {
  visitorId: string
  day: string
  /** why the first session of the day was opened */
  opener: 'first' | 'day'
  /** one after the other: all visits of the day in order */
  chunks: readonly Chunk[]
  /** session n holds the next `eventCount` visits after those of session n-1 */
  sessions: readonly WebSession[]
}

export const emptyDay = (visitorId: string, day: string, opener: 'first' | 'day'): Day => ({
  visitorId,
  day,
  opener,
  chunks: [],
  sessions: [],
})

/** The day with the visit in it; the very same day if a visit with this id is already there. */
export function place<D extends Day>(day: D, visit: Visit, inactivityMs: number): D {
  if (holds(day, visit.id)) return day
  const tail = day.chunks.at(-1)
  return !tail || follows(visit, tail[tail.length - 1]!)
    ? append(day, visit, inactivityMs)
    : insert(day, visit, inactivityMs)
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

const follows = (a: Visit, b: Visit): boolean => a.ts > b.ts || (a.ts === b.ts && a.id > b.id)

// Chunks but the last hardly ever change; the sets of their ids are worth keeping.
const idsOfChunk = new WeakMap<Chunk, Set<string>>()

function holds(day: Day, id: string): boolean {
  for (const chunk of day.chunks) {
    if (chunk === day.chunks.at(-1)) return chunk.some(visit => visit.id === id)
    let ids = idsOfChunk.get(chunk)
    if (!ids) {
      ids = new Set(chunk.map(visit => visit.id))
      idsOfChunk.set(chunk, ids)
    }
    if (ids.has(id)) return true
  }
  return false
}

function append<D extends Day>(day: D, visit: Visit, inactivityMs: number): D {
  const tail = day.chunks.at(-1)
  const chunks = tail && tail.length < CHUNK ? [...day.chunks.slice(0, -1), [...tail, visit]] : [...day.chunks, [visit]]
  const current = day.sessions.at(-1)
  const opening = openingOf(current, visit, day.opener, inactivityMs)
  const sessions =
    opening === null
      ? [...day.sessions.slice(0, -1), extended(current!, visit)]
      : [...day.sessions, opened(day, day.sessions.length + 1, opening, visit)]
  return { ...day, chunks, sessions }
}

function insert<D extends Day>(day: D, visit: Visit, inactivityMs: number): D {
  const [chunks, at] = spliced(day.chunks, visit)
  const old = day.sessions
  const starts: number[] = [0]
  for (const session of old) starts.push(starts.at(-1)! + session.eventCount)

  // Sessions before the one that holds the visit's predecessor can't change.
  let keep = 0
  while (keep < old.length && starts[keep + 1]! < at) keep++
  const all = chunks.flat()
  if (at > starts[keep]! && at < starts[keep + 1]!) {
    const grown = grownInside(old[keep]!, all[at - 1]!, visit, all[at + 1]!)
    if (grown) return { ...day, chunks, sessions: old.with(keep, grown) }
  }
  const sessions: WebSession[] = old.slice(0, keep)
  let next = keep
  for (let k = starts[keep]!; k < all.length; k++) {
    const opening = openingOf(sessions.at(-1), all[k]!, day.opener, inactivityMs)
    if (opening === null) {
      sessions[sessions.length - 1] = extended(sessions.at(-1)!, all[k]!)
      continue
    }
    // Where a session opens that opened here before, all that follow are as they were, but for their numbers.
    while (next < old.length && starts[next]! + 1 < k) next++
    if (k > at && next < old.length && starts[next]! + 1 === k) {
      for (const session of old.slice(next)) {
        const openedBy = session === old[next] ? opening : session.openedBy
        sessions.push(renumbered(session, sessions.length + 1, openedBy))
      }
      break
    }
    sessions.push(opened(day, sessions.length + 1, opening, all[k]!))
  }
  return { ...day, chunks, sessions }
}

/** The chunks with the visit among them, and its place in the whole. */
function spliced(chunks: readonly Chunk[], visit: Visit): [Chunk[], number] {
  let before = 0
  let c = 0
  while (follows(visit, chunks[c]!.at(-1)!)) before += chunks[c++]!.length
  const chunk = chunks[c]!
  let low = 0
  let high = chunk.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (follows(visit, chunk[middle]!)) low = middle + 1
    else high = middle
  }
  const grown = [...chunk.slice(0, low), visit, ...chunk.slice(low)]
  const half = grown.length > CHUNK ? grown.length >> 1 : grown.length
  const parts = half < grown.length ? [grown.slice(0, half), grown.slice(half)] : [grown]
  return [[...chunks.slice(0, c), ...parts, ...chunks.slice(c + 1)], before + low]
}

function openingOf(
  current: WebSession | undefined,
  visit: Visit,
  opener: 'first' | 'day',
  inactivityMs: number,
): Opening | null {
  if (!current) return opener
  if (visit.ts - current.lastEventAt > inactivityMs) return 'inactivity'
  const source = sourceOf(visit)
  return source && source.source !== 'direct' && !sameSource(source, current.source) ? 'source' : null
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
  }
}

function extended(session: WebSession, visit: Visit): WebSession {
  const pageViews = session.pageViews + (bare(visit.page) === bare(session.lastPage) ? 0 : 1)
  return {
    ...session,
    eventCount: session.eventCount + 1,
    pageViews,
    singlePage: pageViews === 1,
    userId: session.userId ?? (visit.userId || null),
    lastEventAt: visit.ts,
    lastPage: visit.page,
    durationMs: visit.ts - session.firstEventAt,
  }
}

/** The session with a visit between two others of its own; null if that takes more than a look at the neighbours. */
function grownInside(session: WebSession, before: Visit, visit: Visit, after: Visit): WebSession | null {
  const source = sourceOf(visit)
  const splits = source && source.source !== 'direct' && !sameSource(source, session.source)
  const names = visit.userId && session.userId !== null && visit.userId !== session.userId
  if (splits || names) return null
  const [a, b, c] = [bare(before.page), bare(visit.page), bare(after.page)]
  const pageViews = session.pageViews + Number(a !== b) + Number(b !== c) - Number(a !== c)
  return {
    ...session,
    eventCount: session.eventCount + 1,
    pageViews,
    singlePage: pageViews === 1,
    userId: session.userId ?? (visit.userId || null),
  }
}

const renumbered = (session: WebSession, index: number, openedBy: Opening): WebSession =>
  session.index === index && session.openedBy === openedBy
    ? session
    : { ...session, id: sessionId(session.visitorId, session.day, index), index, openedBy }

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

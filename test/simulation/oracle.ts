import type { Event } from '../../actors/event.ts'
import type { DayRules } from './places.ts'

/** Oracles of streamers' sessions and of the days of visits, by rules written down here once more. */

interface Session {
  id: string
  userId: string
  title: string | null
  active: boolean
  preset: string
  started: boolean
  stamp: [at: number, id: string]
  goals: { title: string; price: number }[]
  goalsStamp: [at: number, id: string]
  ratings: Map<string, { score: number; stamp: [at: number, id: string] }>
  previous: { sum: number; count: number }
}

export interface ShownSession {
  id: string
  userId: string
  title: string | null
  active: boolean
  preset: string
  isStarted: boolean
  goals: { title: string; price: number }[]
  rating: number
  ratings: number
}

const isAfter = ([at, id]: [number, string], [otherAt, otherId]: [number, string]): boolean =>
  at > otherAt || (at === otherAt && id > otherId)

const isUnrated = ({ id, previous }: Session, { sessionId }: Event): boolean => id === sessionId && previous.count === 0

/** `events` are those of one streamer in the order of the log. */
function sessionsOf(events: readonly Event[]): Session[] {
  const sessions: Session[] = []
  let brought = { sum: 0, count: 0 }
  for (const event of events) {
    const latest = sessions.at(-1)
    const stamp: [number, string] = [event.at, event.id]
    if (event.kind === 'session.known') {
      if (latest) continue
      const { session, carried } = known(event.document as KnownDocument)
      sessions.push(session)
      brought = carried
    }
    if (event.kind === 'session.rating-found' && latest && isUnrated(latest, event)) {
      brought = { sum: Number(event.rating) * Number(event.count), count: Number(event.count) }
      latest.previous = brought
    }
    if (event.kind === 'session.start') {
      if (latest?.active) continue
      if (latest?.started && totalOf(latest).count > 0) brought = totalOf(latest)
      const isUsed = sessions.some(({ id }) => id === event.sourceId)
      sessions.push({
        ...{
          id: String(isUsed ? event.fresh : (event.sourceId ?? event.fresh)),
          userId: event.key,
          title: event.title as string | null,
          active: true,
        },
        ...{ preset: 'preview', started: false, stamp, goals: [], goalsStamp: stamp, ratings: new Map() },
        previous: brought,
      })
      continue
    }
    if (!latest || event.sessionId !== latest.id) continue
    if (event.kind === 'session.rate') {
      const former = latest.ratings.get(String(event.rater))
      const rating = { score: Number(event.score), stamp }
      if (!former || isAfter(stamp, former.stamp)) latest.ratings.set(String(event.rater), rating)
    }
    if (!latest.active) continue
    if (event.kind === 'session.end') latest.active = false
    if (event.kind === 'session.preset' && isAfter(stamp, latest.stamp)) {
      Object.assign(latest, { preset: event.preset, stamp, started: latest.started || event.preset === 'sd' })
    }
    if (event.kind === 'session.goals' && isAfter(stamp, latest.goalsStamp)) {
      Object.assign(latest, { goals: event.showGoalPairs, goalsStamp: stamp })
    }
  }
  return sessions
}

/** A session as its document tells of it. */
interface KnownDocument {
  _id: string
  userId: string
  title?: string | null
  active: boolean
  status?: { preset?: string }
  statuses?: { started?: string | null }
  showGoalPairs?: { title: string; price: number }[]
  rating?: { current?: number; currentCount?: number; previous?: number; previousCount?: number }
}

/** With the rating that it brought along, which the next begins with if it never started. */
function known(document: KnownDocument): { session: Session; carried: Session['previous'] } {
  const { _id: id, userId, title = null, active, status, statuses, showGoalPairs: goals = [], rating = {} } = document
  const { current = 0, currentCount: count = 0, previous = 0, previousCount = 0 } = rating
  const before: [number, string] = [0, '']
  const session: Session = {
    ...{ id, userId, title, active, preset: status?.preset ?? 'preview', started: Boolean(statuses?.started) },
    ...{ stamp: before, goals, goalsStamp: before, ratings: new Map(), previous: { sum: current * count, count } },
  }
  return { session, carried: { sum: previous * previousCount, count: previousCount } }
}

function totalOf({ ratings, previous }: Session): { sum: number; count: number } {
  const own = [...ratings.values()].reduce((sum, { score }) => sum + score, 0)
  return { sum: previous.sum + own, count: previous.count + ratings.size }
}

export function streamerSessions(events: readonly Event[]): ShownSession[] {
  const streamers = Map.groupBy(
    events.filter(({ kind }) => kind.startsWith('session.')),
    ({ key }) => key,
  )
  return [...streamers.values()].flatMap(sessionsOf).map(session => {
    const { id, userId, title, active, preset, started, goals } = session
    const { sum, count } = totalOf(session)
    return {
      id,
      userId,
      title,
      active,
      preset,
      isStarted: started,
      goals,
      rating: count && sum / count,
      ratings: count,
    }
  })
}

interface Change extends DayRules {
  from: number
  /** the day in which it begins is as it was */
  isFromNextDay?: boolean
}

/**
 * The rules of a visitor's days: those that the log was made with, and what its events changed. Which of them hold for
 * a visit is decided by when it was; a day never begins again, and takes its inactivity from the last change that
 * begins on it or before. For visitors that are not named it begins a minute later, and with the inactivity of a day that
 * is new.
 */
export function dayRulesOf(visitor: string, made: DayRules, log: readonly Event[]) {
  const changes: Change[] = [{ ...made, from: Number.NEGATIVE_INFINITY }]
  for (const event of log) {
    if (event.kind !== 'rules') continue
    const { from, zone, inactivityMs, visitors, at } = event as Event & Change & { visitors: string[] | null }
    if (visitors) changes.push({ from: at + 60_000, zone, inactivityMs, isFromNextDay: true })
    if (!visitors || visitors.includes(visitor)) changes.push({ from, zone, inactivityMs })
  }
  const dayOf = (ts: number, of = changes): string => {
    const i = of.findLastIndex(({ from }) => from <= ts)
    const day = dateIn(of[i]!.zone, ts)
    if (i === 0) return day
    const dayBefore = dayOf(of[i]!.from - 1, of.slice(0, i))
    return day < dayBefore ? dayBefore : day
  }
  const inactivityOn = (day: string): number =>
    changes.findLast(({ from, isFromNextDay }) => {
      if (from === Number.NEGATIVE_INFINITY) return true
      return isFromNextDay ? dayOf(from) < day : dayOf(from) <= day
    })!.inactivityMs
  return { dayOf: (ts: number) => dayOf(ts), inactivityOn }
}

const formats = new Map<string, Intl.DateTimeFormat>()

function dateIn(zone: string, ts: number): string {
  const known = formats.get(zone)
  const format = known ?? new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' })
  if (!known) formats.set(zone, format)
  return format.format(ts)
}

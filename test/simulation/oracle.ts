import type { Event } from '../../actors/event.ts'

/** What the log says of streamers' sessions, computed in one pass over it by rules written down here once more. */

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

/** `events` are those of one streamer in the order of the log. */
function sessionsOf(events: readonly Event[]): Session[] {
  const sessions: Session[] = []
  let brought = { sum: 0, count: 0 }
  for (const event of events) {
    const latest = sessions.at(-1)
    const stamp: [number, string] = [event.at, event.id]
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

/** What a set of heartbeats says, computed from the whole set at once, however it arrived. */
export interface Heartbeat {
  userId: string
  path: string
  at: number
  country?: string
  groups?: string[]
}

export interface Count {
  alive: number
  attendance: number
}

export interface StatisticsRecord {
  viewerCount: number
  timestamp: number
  countByUserGroup: Record<string, number>
  countByViewingCountry: Record<string, number>
}

export interface ViewingSession {
  id: string
  start: number
  end: number
}

const WINDOW = 300_000
const GAP = 300_000
const ALIVE = 65_000

export const streamOf = (path: string): string | undefined => /^\/(?:sessions|live)\/([^/?#]+)/.exec(path)?.[1]

const tieBreak = (beat: Heartbeat): string =>
  [beat.path, beat.country ?? 'ZZ', ...[...(beat.groups ?? [])].sort()].join('\0')

const inOrder = (a: Heartbeat, b: Heartbeat): number => a.at - b.at || (tieBreak(a) < tieBreak(b) ? -1 : 1)

function byUser(beats: Iterable<Heartbeat>): Map<string, Heartbeat[]> {
  const users = Map.groupBy(beats, beat => beat.userId)
  for (const own of users.values()) own.sort(inOrder)
  return users
}

export function viewers(beats: Iterable<Heartbeat>, now: number): Count & { bySession: Record<string, Count> } {
  const users = byUser(beats)
  const all: Count & { bySession: Record<string, Count> } = { alive: 0, attendance: users.size, bySession: {} }
  const of = (stream: string): Count => {
    all.bySession[stream] ??= { alive: 0, attendance: 0 }
    return all.bySession[stream]
  }
  for (const own of users.values()) {
    for (const stream of new Set(own.map(beat => streamOf(beat.path)))) if (stream) of(stream).attendance++
    const last = own.at(-1) as Heartbeat
    if (last.at < now - ALIVE) continue
    all.alive++
    const stream = streamOf(last.path)
    if (stream) of(stream).alive++
  }
  return all
}

export function statistics(beats: Iterable<Heartbeat>): StatisticsRecord[] {
  const windows = Map.groupBy(beats, beat => beat.at - (beat.at % WINDOW))
  return [...windows]
    .sort(([a], [b]) => a - b)
    .map(([timestamp, inWindow]) => {
      const earliest = [...byUser(inWindow).values()].map(own => own[0] as Heartbeat)
      return {
        viewerCount: earliest.length,
        timestamp,
        countByUserGroup: tally(earliest.flatMap(beat => [...new Set(beat.groups ?? [])])),
        countByViewingCountry: tally(earliest.map(beat => (beat.country ?? 'ZZ').toUpperCase())),
      }
    })
}

export function viewingSessions(beats: Iterable<Heartbeat>, gap = GAP): Map<string, ViewingSession[]> {
  const sessions = new Map<string, ViewingSession[]>()
  for (const [userId, own] of byUser(beats)) {
    const runs: ViewingSession[] = []
    for (const { at } of own) {
      const run = runs.at(-1)
      if (run && at - run.end <= gap) run.end = at
      else runs.push({ id: `${userId}-${at}`, start: at, end: at })
    }
    sessions.set(userId, runs)
  }
  return sessions
}

function tally(names: string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

import type { LiveSets, Presence } from './index.ts'

const ALIVE_MS = 65_000

/** Live sets of this process alone. Who is no longer alive is forgotten in time, who attended is not. */
export const memoryLiveSets = (): LiveSets => {
  const newestOf = new Map<string, Presence>()
  const attendees = new Set<string>()
  const attendeesOf = new Map<string, Set<string>>()
  let newest = 0
  let sweptAt = 0

  const sweep = (): void => {
    for (const [userId, { at }] of newestOf) if (at < newest - ALIVE_MS) newestOf.delete(userId)
    sweptAt = newest
  }

  return {
    publish: async (_partition, present, attended) => {
      for (const beat of present) {
        attendees.add(beat.userId)
        newest = Math.max(newest, beat.at)
        const known = newestOf.get(beat.userId)
        if (known === undefined || known.at < beat.at) newestOf.set(beat.userId, beat)
      }
      for (const [stream, userId] of attended) {
        const watchers = attendeesOf.get(stream) ?? new Set()
        attendeesOf.set(stream, watchers.add(userId))
      }
      if (newest - sweptAt >= ALIVE_MS) sweep()
    },
    alive: async (since, stream) =>
      Array.from(newestOf.values())
        .filter(beat => beat.at >= since && (stream === undefined || beat.stream === stream))
        .map(({ userId }) => userId),
    attendance: async stream => (stream === undefined ? attendees : attendeesOf.get(stream))?.size ?? 0,
    close: async () => {
      for (const part of [newestOf, attendees, attendeesOf]) part.clear()
    },
  }
}

import { ALIVE_MS } from '../../machines/viewer.ts'
import type { LiveSets, ViewerPresence } from './index.ts'

const FORGET_MS = 86_400_000

/** Live sets of one thread. Who is no longer alive is forgotten, and a stream nobody new came to for a day. */
export const memoryLiveSets = (): LiveSets => {
  const newestOf = new Map<string, ViewerPresence>()
  const attendeesOf = new Map<string, { users: Set<string>; grewAt: number }>()
  let newest = 0
  let sweptAt = 0

  const sweep = (): void => {
    // A beat may be ahead of the clock, by which readers ask.
    const alive = Math.min(newest, Date.now()) - ALIVE_MS
    for (const [userId, { at }] of newestOf) if (at < alive) newestOf.delete(userId)
    for (const [stream, { grewAt }] of attendeesOf) if (grewAt < newest - FORGET_MS) attendeesOf.delete(stream)
    sweptAt = newest
  }

  const take = (present: ViewerPresence[], attended: [stream: string, userId: string][]): void => {
    for (const beat of present) {
      newest = Math.max(newest, beat.at)
      const known = newestOf.get(beat.userId)
      if (known === undefined || known.at < beat.at) newestOf.set(beat.userId, beat)
    }
    for (const [stream, userId] of attended) {
      const users = attendeesOf.get(stream)?.users ?? new Set()
      attendeesOf.set(stream, { users: users.add(userId), grewAt: newest })
    }
    if (newest - sweptAt >= ALIVE_MS) sweep()
  }

  return {
    publish: async (_partition, present, attended) => take(present, attended),
    async rebuild(_partition, source) {
      for await (const { present = [], attended = [] } of source) take(present, attended)
    },
    isCurrent: async () => true,
    alive: async (since, stream) =>
      Array.from(newestOf.values())
        .filter(beat => beat.at >= since && (stream === undefined || beat.stream === stream))
        .map(({ userId }) => userId),
    attendance: async stream => attendeesOf.get(stream)?.users.size ?? 0,
    async close() {
      newestOf.clear()
      attendeesOf.clear()
    },
  }
}

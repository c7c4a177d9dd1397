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
    for (const [userId, { at }] of newestOf) if (at < newest - ALIVE_MS) newestOf.delete(userId)
    for (const [stream, { grewAt }] of attendeesOf) if (grewAt < newest - FORGET_MS) attendeesOf.delete(stream)
    sweptAt = newest
  }

  return {
    async publish(_partition, present, attended) {
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
    },
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

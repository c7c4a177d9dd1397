import type { Time } from '../time.ts'
import { Sweep } from './alive.ts'
import type { LiveSets, ViewerPresence } from './index.ts'

const FORGET_MS = 86_400_000

/** Live sets of one thread. Viewers who are no longer alive are forgotten, and streams nobody new came to for a day. */
export const memoryLiveSets = (time: Time): LiveSets => {
  const newestOf = new Map<string, ViewerPresence>()
  const attendeesOf = new Map<string, { users: Set<string>; grewAt: number }>()
  const sweep = new Sweep(time)

  const take = (present: ViewerPresence[], attended: [stream: string, userId: string][]): void => {
    for (const beat of present) {
      sweep.beat(beat.at)
      const known = newestOf.get(beat.userId)
      if (known === undefined || known.at < beat.at) newestOf.set(beat.userId, beat)
    }
    for (const [stream, userId] of attended) {
      const users = attendeesOf.get(stream)?.users ?? new Set()
      attendeesOf.set(stream, { users: users.add(userId), grewAt: sweep.newest })
    }
    const before = sweep.due()
    if (before === undefined) return
    for (const [userId, { at }] of newestOf) if (at < before) newestOf.delete(userId)
    for (const [stream, { grewAt }] of attendeesOf) if (grewAt < sweep.newest - FORGET_MS) attendeesOf.delete(stream)
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

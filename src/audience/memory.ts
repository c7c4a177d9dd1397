import type { Time } from '../time.ts'
import { Sweep } from './alive.ts'
import type { LiveSets, ViewerPresence } from './index.ts'

/** Live sets of one thread, which hold who is alive and nobody else. */
export const memoryLiveSets = (time: Time): LiveSets => {
  const newestOf = new Map<string, ViewerPresence>()
  const sweep = new Sweep(time)

  const take = (present: ViewerPresence[]): void => {
    for (const beat of present) {
      sweep.beat(beat.at)
      const known = newestOf.get(beat.userId)
      if (known === undefined || known.at < beat.at) newestOf.set(beat.userId, beat)
    }
    const before = sweep.due()
    if (before === undefined) return
    for (const [userId, { at }] of newestOf) if (at < before) newestOf.delete(userId)
  }

  return {
    isShared: false,
    publish: async (_partition, present) => take(present),
    async rebuild(_partition, source) {
      for await (const { present = [] } of source) take(present)
    },
    holds: async () => true,
    isCurrent: async () => true,
    alive: async (since, stream) =>
      Array.from(newestOf.values())
        .filter(beat => beat.at >= since && (stream === undefined || beat.stream === stream))
        .map(({ userId }) => userId),
    async close() {
      newestOf.clear()
    },
  }
}

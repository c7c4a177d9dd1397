import type { Time } from '../time.ts'
import { Sweep } from './alive.ts'
import { type LiveSets, LiveSetsLost, type ViewerPresence } from './index.ts'

/** Live sets of one thread, which hold who is alive and nobody else; nothing is known before so many partitions are whole. */
export const memoryLiveSets = (time: Time, partitions = 1): LiveSets<null> => {
  const newestOf = new Map<string, ViewerPresence>()
  const whole = new Set<number>()
  const sweep = new Sweep(time)

  const take = (present: ViewerPresence[]): void => {
    for (const beat of present) {
      sweep.beat(beat.at)
      const known = newestOf.get(beat.userId)
      if (known !== beat && (known === undefined || known.at < beat.at)) newestOf.set(beat.userId, beat)
    }
    const before = sweep.due()
    if (before === undefined) return
    for (const [userId, { at }] of newestOf) if (at < before) newestOf.delete(userId)
  }

  return {
    isShared: false,
    async publish(partition, present) {
      if (!whole.has(partition)) throw new LiveSetsLost(partition)
      take(present)
    },
    async rebuild(partition, source) {
      for await (const { present = [] } of source) take(present)
      whole.add(partition)
    },
    holds: async () => true,
    isCurrent: async partition => whole.has(partition),
    alive: async (since, stream) =>
      whole.size < partitions
        ? null
        : Array.from(newestOf.values())
            .filter(beat => beat.at >= since && (stream === undefined || beat.stream === stream))
            .map(({ userId }) => userId),
    async close() {
      newestOf.clear()
    },
  }
}

import type { Time } from '../time.ts'
import { Sweep } from './alive.ts'
import { type LiveSets, LiveSetsLost, type ViewerPresence } from './index.ts'

/** The number below which nobody looks for those that are there several times. */
const FEW = 1_000

/** Live sets of one thread, which hold who is alive and nobody else; nothing is known before so many partitions are whole. */
export const memoryLiveSets = (time: Time, partitions = 1): LiveSets<null> => {
  /** Viewers who came and were not swept. Of a user who left memory and came back there are several: the newest counts. */
  const known = new Set<ViewerPresence>()
  /** The number of them with which all but the newest of each user go. */
  let most = FEW
  const whole = new Set<number>()
  const sweep = new Sweep(time)

  const take = (present: ViewerPresence[]): void => {
    for (const beat of present) {
      sweep.beat(beat.at)
      known.add(beat)
    }
    const before = sweep.due()
    if (before !== undefined) {
      for (const beat of known) if (beat.at < before) known.delete(beat)
      // Some that a sweep leaves may be there twice, so that it never raises the number.
      most = Math.max(FEW, Math.min(most, 2 * known.size))
    }
    if (known.size < most) return
    const newest = new Set(newestSince(Number.NEGATIVE_INFINITY))
    for (const beat of known) if (!newest.has(beat)) known.delete(beat)
    most = Math.max(FEW, 2 * known.size)
  }

  const newestSince = (since: number): Iterable<ViewerPresence> => {
    const newest = new Map<string, ViewerPresence>()
    for (const beat of known) {
      if (beat.at >= (newest.get(beat.userId)?.at ?? since)) newest.set(beat.userId, beat)
    }
    return newest.values()
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
        : Array.from(newestSince(since))
            .filter(beat => stream === undefined || beat.stream === stream)
            .map(({ userId }) => userId),
    async close() {
      known.clear()
    },
  }
}

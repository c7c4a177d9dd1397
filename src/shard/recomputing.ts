import type { Works } from '../observe/work.ts'
import type { Processor } from '../partition/processor.ts'
import { Recomputation, type RecomputationParts } from '../recomputation/index.ts'
import { atMost } from '../time.ts'
import type { ShardControl } from './index.ts'

/** So long an answer waits for the end of a recomputation. */
const LOOK_MS = 1_000

/** The recomputations of a shard's partitions, one each. */
export function recomputing(
  processors: ReadonlyMap<number, Processor>,
  works: ReadonlyMap<number, Works>,
  parts: Omit<RecomputationParts, 'processor'>,
): ShardControl['recompute'] {
  const begun = new Map<number, { id: string; recomputation: Recomputation }>()
  return async (partition, request) => {
    let current = begun.get(partition)
    if (current?.id !== request.id) {
      const processor = processors.get(partition)!
      current = { id: request.id, recomputation: new Recomputation({ ...parts, processor }, request) }
      begun.set(partition, current)
      const { progress, ended } = current.recomputation
      const end = works.get(partition)!.begin('recompute', 'visitor-days', () => ({
        done: progress.days,
        total: progress.found,
      }))
      ended.then(end, end)
    }
    const { recomputation } = current
    await atMost(parts.time, LOOK_MS, recomputation.ended)
    return { ...recomputation.progress }
  }
}

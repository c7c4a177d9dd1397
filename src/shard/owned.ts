import { Sums } from '../audience/sums.ts'
import { type ErrorCode, isCode, isDamage, type RollcallError } from '../errors.ts'
import type { Faults } from '../observe/index.ts'
import type { Reading } from '../observe/meter.ts'
import { type Far, Works } from '../observe/work.ts'
import { bytesOfPartition } from '../partition/memory.ts'
import { Processor, type ProcessorOptions } from '../partition/processor.ts'
import { atMost } from '../time.ts'
import { control } from './control.ts'
import type { ShardControl } from './index.ts'
import { recomputing } from './recomputing.ts'

/** Sums that wait at the end may still take so long; the next owner writes what was not. */
const LAST_SUMS_MS = 2_000
/** The log does not fit the checkpoint, and does not by itself. */
const LASTING: ErrorCode[] = ['RC_LOG_BEHIND', 'RC_LOG_TRUNCATED']

export interface OwnedOptions extends Omit<ProcessorOptions, 'faults' | 'sums' | 'quiet' | 'mostActorBytes'> {
  /** of no partition */
  faults: Faults
  /** of all partitions those of the shard */
  owned: readonly number[]
  faultsOf(partition: number): Faults
  /** a claim failed in a way that passes: all is to begin anew, from the checkpoints */
  giveUp(): void
  /** the metrics of the thread itself, if it has any */
  ofThread?(): readonly Reading[]
}

/** The partitions of a shard, from their claims on; `drained` resolves when they were drained. */
export function own({ owned, faults, faultsOf, giveUp, ofThread = () => [], ...given }: OwnedOptions): {
  control: ShardControl
  drained: Promise<void>
} {
  const { owner, log, documents, live, time, steps } = given
  const sums = new Sums({ documents, time, faults, steps })
  const { promise: quiet, resolve: begin } = Promise.withResolvers<void>()
  const mostActorBytes = bytesOfPartition(given.partitions, owned.length)
  const rest = { ...given, sums, quiet, mostActorBytes }
  const works = new Map(owned.map(partition => [partition, new Works(time)]))
  const processors = new Map<number, Processor>()
  const refused = new Map<number, RollcallError>()
  const draining = new AbortController()
  const claim = async (partition: number): Promise<void> => {
    try {
      const processor = await Processor.claim(partition, { ...rest, faults: faultsOf(partition) })
      processors.set(partition, processor)
      showRecovery(processor, works.get(partition)!)
    } catch (error) {
      faultsOf(partition).report('claim', error)
      if (!LASTING.some(code => isCode(error, code)) && !isDamage(error)) giveUp()
      refused.set(partition, error as RollcallError)
    }
  }
  const claimAll = async (): Promise<void> => {
    for (const partition of owned) if (!draining.signal.aborted) await claim(partition)
  }
  let areClaimed = false
  for (const [partition, each] of works) {
    const isClaimed = (): boolean => processors.has(partition) || refused.has(partition)
    each.begin('claim', 'partitions', () => (areClaimed ? null : { done: isClaimed() ? 1 : 0, total: 1 }))
  }
  const claims = claimAll().then(() => {
    areClaimed = true
  })
  claims.then(begin)
  const drained = Promise.withResolvers<void>()
  const drain = async (): Promise<void> => {
    draining.abort()
    await claims
    await Promise.all([...processors.values()].map(processor => processor.drain()))
    await atMost(time, LAST_SUMS_MS, sums.written())
    drained.resolve()
  }
  const answers = { claimed: () => claims, recompute: recomputing(processors, works, rest), drain }
  return {
    control: control(
      { partitions: owned, processors, refused, works, live, log, owner, ofThread, time, faults },
      answers,
    ),
    drained: drained.promise,
  }
}

/** Replay ends where the log ended at the claim; deadlines come beside it. */
function showRecovery(processor: Processor, works: Works): void {
  const { partition, replayUntil } = processor
  const from = partition.applied
  const isOver = (): boolean => partition.applied >= replayUntil || processor.stopped !== undefined
  const far = (): Far | null => (isOver() ? null : { done: partition.applied - from, total: replayUntil - from })
  works.begin('replay', 'entries', far)
  works.begin('deadlines', 'deadlines', () => partition.deadlines.far)
}

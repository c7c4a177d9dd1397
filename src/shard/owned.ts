import { isCode, type RollcallError } from '../errors.ts'
import type { Faults } from '../observe/index.ts'
import { Processor, type ProcessorOptions } from '../partition/processor.ts'
import { control } from './control.ts'
import type { ShardControl } from './index.ts'
import { recomputing } from './recomputing.ts'

export interface OwnedOptions extends Omit<ProcessorOptions, 'faults'> {
  /** of all partitions those of the shard */
  owned: readonly number[]
  faultsOf(partition: number): Faults
  /** a claim failed in a way that passes: all is to begin anew, from the checkpoints */
  giveUp(): void
}

/** The partitions of a shard, from their claims on; `drained` resolves when they were drained. */
export function own({ owned, faultsOf, giveUp, ...rest }: OwnedOptions): {
  control: ShardControl
  drained: Promise<void>
} {
  const processors = new Map<number, Processor>()
  const refused = new Map<number, RollcallError>()
  const draining = new AbortController()
  const claim = async (partition: number): Promise<void> => {
    try {
      processors.set(partition, await Processor.claim(partition, { ...rest, faults: faultsOf(partition) }))
    } catch (error) {
      faultsOf(partition).report('claim', error)
      if (!isCode(error, 'RC_LOG_BEHIND') && !isCode(error, 'RC_LOG_TRUNCATED')) giveUp()
      refused.set(partition, error as RollcallError)
    }
  }
  const claimAll = async (): Promise<void> => {
    for (const partition of owned) if (!draining.signal.aborted) await claim(partition)
  }
  const claims = claimAll()
  const drained = Promise.withResolvers<void>()
  const drain = async (): Promise<void> => {
    draining.abort()
    await claims
    await Promise.all([...processors.values()].map(processor => processor.drain()))
    drained.resolve()
  }
  const { live, time } = rest
  const answers = { claimed: () => claims, recompute: recomputing(processors, rest), drain }
  return { control: control({ partitions: owned, processors, refused, live, time }, answers), drained: drained.promise }
}

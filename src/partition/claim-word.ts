import type { Event } from '../../actors/event.ts'
import type { Claim } from '../checkpoint/index.ts'
import type { EventLog } from '../log/index.ts'
import type { Faults } from '../observe/index.ts'
import { type Steps, step } from '../observe/steps.ts'
import { retry, UNTIL_DONE } from '../retry.ts'
import type { Time } from '../time.ts'
import type { Committer } from './committer.ts'
import type { Partition } from './partition.ts'

/** The event by which an owner says in the log that it begins. */
export const claimWord = ({ owner, epoch }: Claim, time: Time): Event => {
  const at = time.now()
  return { kind: 'claim', key: '', id: `${owner}:${epoch}`, at, arrival: at, epoch }
}

interface Speaker {
  partition: Partition
  committer: Committer
  log: EventLog
  time: Time
  faults: Faults
  steps?: Steps | undefined
}

/** The log knows a greater epoch: of a newer owner, or of before the checkpoint was lost. Only the owner can commit. */
export async function claimAnew(
  { partition, committer, log, time, faults, steps }: Speaker,
  signal: AbortSignal,
): Promise<void> {
  const { claim, clock } = partition
  const since = clock.epoch
  await committer.catchUp()
  const word = () => ({ ...claimWord(claim, time), since })
  const append = () => step(steps, 'claim.anew', since, () => log.append(claim.partition, [word()]))
  const failed = (error: unknown): void => faults.report('claim', error)
  // An end that comes between leaves it to the next owner.
  if (!signal.aborted) await retry(append, UNTIL_DONE, { time, signal, failed }).catch(() => {})
}

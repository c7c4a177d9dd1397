import { usedUnder } from '../lmdb/disk.ts'
import type { StoreSettings } from '../stores.ts'

/** Room on the disk of the data directory, in bytes; null: the log, or the state, is on a server. */
export interface Disk {
  freeBytes: number
  logBytes: number | null
  stateBytes: number | null
}

/** The room that is left, and what the log and the state take of it; null where neither is on this disk. */
export async function diskOf({
  logPath,
  statePath,
  natsUrl,
  mongodbUrl,
}: Pick<StoreSettings, 'logPath' | 'statePath' | 'natsUrl' | 'mongodbUrl'>): Promise<Disk | null> {
  const [log, state] = await Promise.all([
    natsUrl ? null : usedUnder(logPath),
    mongodbUrl ? null : usedUnder(statePath),
  ])
  const either = log ?? state
  return either && { freeBytes: either.free, logBytes: log?.used ?? null, stateBytes: state?.used ?? null }
}

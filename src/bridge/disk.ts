import { usedUnder } from '../lmdb/disk.ts'
import type { StoreSettings } from '../stores.ts'

/** Room on the disk, in bytes. */
export interface Disk {
  freeBytes: number
  logBytes: number
  stateBytes: number
}

/** What the log and the state take, and what is left; null where neither is on this disk. */
export async function diskOf({
  logPath,
  statePath,
}: Pick<StoreSettings, 'logPath' | 'statePath'>): Promise<Disk | null> {
  if (logPath === '') return null
  const [log, state] = await Promise.all([usedUnder(logPath), usedUnder(statePath)])
  return { freeBytes: log.free, logBytes: log.used, stateBytes: state.used }
}

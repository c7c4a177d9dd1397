import type { Db } from 'mongodb'
import { isCode, RollcallError } from '../errors.ts'
import type { Faults } from '../observe/index.ts'
import type { Steps } from '../observe/steps.ts'
import { systemTime } from '../time.ts'
import { Lease } from './lease.ts'

/** Looking and taking the place of an owner may take so long, beyond the time after which the owner counts as gone. */
const LOOK_MS = 5_000

/** The lease for a command that stands by for nobody: RC_NO_OWNER if its owner does not count as gone when it should. */
export async function soleLease(db: Db, goneMs: number, faults: Faults, steps?: Steps): Promise<Lease> {
  const late = new AbortController()
  const cancel = systemTime.after(goneMs * 1.2 + LOOK_MS, () => late.abort())
  const options = { goneMs, time: systemTime, faults, steps, waiting() {} }
  try {
    return await Lease.acquire(db, systemTime.id(), late.signal, options)
  } catch (cause) {
    if (!isCode(cause, 'RC_CLOSING')) throw cause
    throw new RollcallError('RC_NO_OWNER', 'Another process owns the partitions; end it first.', { cause })
  } finally {
    cancel()
  }
}

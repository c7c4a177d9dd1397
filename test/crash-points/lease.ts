import { Lease } from '../../src/ownership/lease.ts'
import { leaseDb, memoryLease } from '../simulation/lease.ts'
import { ManualTime, toldFaults } from '../support/time.ts'
import { passing, type Scene } from './crash.ts'

const GONE_MS = 5_000

/** The lease that a process makes, holds, gives back, takes again and gives back for good. */
export async function leaseScene(): Promise<Scene> {
  const lease = memoryLease()
  const db = leaseDb(lease, async work => work())
  return {
    async live(steps, died) {
      const time = new ManualTime()
      const signal = new AbortController().signal
      for (let i = 0; i < 2; i++) {
        const options = { goneMs: GONE_MS, time, faults: toldFaults(), waiting() {}, steps }
        const held = await passing(ms => time.advance(ms), Lease.acquire(db, `process ${i}`, signal, options), died)
        held.lost.catch(() => {})
        await passing(ms => time.advance(ms), time.sleep(GONE_MS), died)
        await passing(ms => time.advance(ms), held.release(), died)
      }
    },
    async remains() {
      const { owner, released } = lease.find()!
      return { owner, released }
    },
  }
}

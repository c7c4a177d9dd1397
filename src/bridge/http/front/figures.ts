import { type Statistics, statistics } from '../../../audience/statistics.ts'
import type { AudienceCount } from '../../../audience/sum.ts'
import { RollcallError } from '../../../errors.ts'
import { within } from '../../../time.ts'
import type { Bridge } from '../../index.ts'
import { type Readiness, readinessOf } from '../../readiness.ts'

export const WINDOW_MS = 300_000
/** Windows that are shown: three hours. */
export const WINDOWS = 36
/** Live sessions that are counted; of more it is told that there are. */
export const MOST_SESSIONS = 5_000
/** A figure that takes longer is not known: the page has to say within three seconds what stopped. */
const PATIENCE_MS = 500
/** Whoever looks meanwhile sees the same. */
const FRESH_MS = 500

/** A process at a glance; null: that is not known just now. */
export interface Figures {
  /** ms since the epoch */
  at: number
  readiness: Readiness
  viewers: AudienceCount | null
  /** one more than are counted where there are more */
  sessions: number | null
  beatsASecond: number
  /** of the last windows, those with somebody in them */
  records: Statistics[] | null
}

/** The figures of the first page, which are worked out once for all who look at the same time. */
export function figures(bridge: Bridge): () => Promise<Figures> {
  const { time } = bridge
  let [made, at]: [Promise<Figures> | undefined, number] = [undefined, 0]
  return () => {
    if (made && time.monotonic() - at < FRESH_MS) return made
    at = time.monotonic()
    made = look(bridge)
    return made
  }
}

async function look(bridge: Bridge): Promise<Figures> {
  const { directory, documents, intake, settings, time } = bridge
  const at = time.now()
  const from = Math.floor(at / WINDOW_MS) * WINDOW_MS - (WINDOWS - 1) * WINDOW_MS
  const [viewers, sessions, records] = await Promise.all([
    soon(bridge, () => directory.owner.audience().then(({ all }) => all)),
    soon(bridge, async () => {
      const live = await documents.find('sessions', { filter: { active: true }, limit: MOST_SESSIONS + 1 })
      return live.length
    }),
    soon(bridge, async () => {
      const found = await statistics(documents, from, at, { limit: WINDOWS, partitions: settings.partitions })
      return found.records
    }),
  ])
  return { at, readiness: readinessOf(bridge), viewers, sessions, beatsASecond: intake.beatsASecond, records }
}

/** Null where it is not known in time, or cannot be; the readiness says why. */
async function soon<T>({ time, faults }: Bridge, work: () => Promise<T>): Promise<T | null> {
  try {
    return await within(time, PATIENCE_MS, work(), () => new RollcallError('RC_WAIT_TIMEOUT'))
  } catch (error) {
    if (!(error instanceof RollcallError)) faults.report('first page', error)
    return null
  }
}

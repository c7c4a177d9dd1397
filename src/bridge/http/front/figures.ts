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
/** Figures are shown for so long to all who look. */
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
  const { directory, documents, intake, settings, time } = bridge
  const audience = figure(bridge, async () => (await directory.owner.audience()).all)
  const sessions = figure(bridge, async () => {
    const live = await documents.find('sessions', { filter: { active: true }, limit: MOST_SESSIONS + 1 })
    return live.length
  })
  const windows = figure(bridge, async at => {
    const from = Math.floor(at / WINDOW_MS) * WINDOW_MS - (WINDOWS - 1) * WINDOW_MS
    return (await statistics(documents, from, at, { limit: WINDOWS, partitions: settings.partitions })).records
  })
  const look = async (at: number): Promise<Figures> => {
    const [viewers, count, records] = await Promise.all([audience(at), sessions(at), windows(at)])
    return { at, readiness: readinessOf(bridge), viewers, sessions: count, beatsASecond: intake.beatsASecond, records }
  }
  let [made, since]: [Promise<Figures> | undefined, number] = [undefined, 0]
  return () => {
    if (made && time.monotonic() - since < FRESH_MS) return made
    since = time.monotonic()
    made = look(time.now())
    return made
  }
}

/** A figure, asked for again once it was answered; null where it is not known in time, or cannot be: the readiness says why. */
function figure<T>({ time, faults }: Bridge, ask: (at: number) => Promise<T>): (at: number) => Promise<T | null> {
  let asked: Promise<T> | undefined
  return async at => {
    asked ??= ask(at).finally(() => {
      asked = undefined
    })
    try {
      return await within(time, PATIENCE_MS, asked, () => new RollcallError('RC_WAIT_TIMEOUT'))
    } catch (error) {
      if (!(error instanceof RollcallError)) faults.report('first page', error)
      return null
    }
  }
}

import { statistics } from '../../../audience/statistics.ts'
import type { AudienceCount } from '../../../audience/sum.ts'
import type { Document } from '../../../documents/index.ts'
import { type ErrorCode, RollcallError } from '../../../errors.ts'
import { within } from '../../../time.ts'
import type { Bridge } from '../../index.ts'
import { FRESH_MS, kept, LISTED_MS } from '../../looks.ts'
import { readinessOf } from '../../readiness.ts'
import { underWay } from '../../under-way.ts'
import { type Figures, WINDOW_MS, WINDOWS } from './figures.ts'
import { partitionsOf } from './partitions.ts'
import { pageOf } from './sessions.ts'
import { wrongIn } from './wrong.ts'

/** Codes that tell more than the readiness does. */
const TROUBLES: ErrorCode[] = ['RC_DOCUMENT_CORRUPT', 'RC_STORE_UNAVAILABLE', 'RC_INTERNAL']
/** A figure that takes longer is not known: the page has to say within three seconds what stopped. */
const PATIENCE_MS = 500

/** Figures before a page of the sessions is taken. */
type Gathered = Omit<Figures, 'sessions' | 'wrong'> & { found: readonly Document[] | null; counts: Counts | null }
type Counts = ReadonlyMap<string, AudienceCount>

/**
 * The figures for the first page, `rollcall top` and whoever else shows them, with a page of the sessions. They are
 * gathered once for all who look at the same time.
 */
export function figures(bridge: Bridge, answers: () => Figures['answers']): (page?: number) => Promise<Figures> {
  const gathered = kept(bridge.time, FRESH_MS, gathering(bridge, answers))
  return async (page = 1) => {
    const { found, counts, ...rest } = await gathered()
    const sessions = found && pageOf(found, counts, page)
    const known = { ...rest, sessions }
    return { ...known, wrong: wrongIn(known) }
  }
}

function gathering(bridge: Bridge, answers: () => Figures['answers']): () => Promise<Gathered> {
  const { documents, intake, servers, settings, time } = bridge
  const troubles = new Set<ErrorCode>()
  const failed = (error: unknown): void => {
    const code = error instanceof RollcallError ? error.code : 'RC_INTERNAL'
    if (TROUBLES.includes(code)) troubles.add(code)
  }
  const records = async () => {
    const at = time.now()
    const from = Math.floor(at / WINDOW_MS) * WINDOW_MS - (WINDOWS - 1) * WINDOW_MS
    return (await statistics(documents, from, at, { limit: WINDOWS, partitions: settings.partitions })).records
  }
  const audience = figure(bridge, failed, () => bridge.looks.audience())
  const sessions = figure(bridge, failed, () => bridge.looks.live())
  const windows = figure(bridge, failed, kept(time, LISTED_MS, records))
  const disk = figure(bridge, failed, () => bridge.looks.disk())
  return async () => {
    const at = time.now()
    troubles.clear()
    // Reading 5,000 documents keeps an answer waiting that is there.
    const heard = await audience()
    const [found, recent, room] = await Promise.all([sessions(), windows(), disk()])
    const counts = heard && new Map(heard.bySession)
    const own = { at, readiness: readinessOf(bridge), work: underWay(bridge), away: servers.away }
    const looked = {
      troubles: [...troubles],
      beatsASecond: intake.beatsASecond,
      answers: answers(),
      disk: room,
      viewers: heard?.all ?? null,
      found,
      counts,
      records: recent,
    }
    return { ...own, ...partitionsOf(bridge), ...looked }
  }
}

/** A figure; null where it is not known in time, or cannot be: the readiness, or `failed`, hears why. */
function figure<T>(
  { time, faults }: Bridge,
  failed: (error: unknown) => void,
  ask: () => Promise<T>,
): () => Promise<T | null> {
  return async () => {
    try {
      return await within(time, PATIENCE_MS, ask(), () => new RollcallError('RC_WAIT_TIMEOUT'))
    } catch (error) {
      if (!(error instanceof RollcallError)) faults.report('first page', error)
      failed(error)
      return null
    }
  }
}

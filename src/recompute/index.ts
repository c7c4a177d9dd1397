/** Applies changed rules to the visits that are kept, and writes their documents anew. Needs everything Rollcall owns for itself. */
import { pino } from 'pino'
import { type Config, recordedSettings } from '../config.ts'
import { type ErrorCode, isCode, RollcallError } from '../errors.ts'
import { surviveDiskFaults } from '../lmdb/disk.ts'
import { changesOf, commandOf, currentOf, dayRulesOf, refusalToChange } from '../log/recorded.ts'
import type { Faults } from '../observe/index.ts'
import { openLinks } from '../ownership/link.ts'
import { soleLease } from '../ownership/sole-lease.ts'
import { Tenure } from '../ownership/tenure.ts'
import type { RecomputationProgress, RecomputationRequest } from '../recomputation/index.ts'
import { type OwnStores, openOwnStores } from '../stores.ts'
import { systemTime as time } from '../time.ts'

export interface RecomputeOptions {
  /** ms; the days from that of this time on */
  from: number
  /** in order; null: all */
  visitors: readonly string[] | null
  faults: Faults
}

/** Codes of partitions that are about to go on. */
const PASSING = ['RC_NOT_READY', 'RC_SHARD_LOST', 'RC_SHARD_TIMEOUT']
/** How often it is asked whether all of the log was replayed. */
const LOOK_MS = 100

/** How far it is, of all partitions. */
export interface Recomputed extends RecomputationProgress {
  /** the settings that are changed; null: none */
  changed: string | null
}

/** Tells about every second how far it is, and at the end. Throws if a server may be running, before anything is changed. */
export async function* recompute(config: Config, options: RecomputeOptions): AsyncGenerator<Recomputed> {
  await using opened = new AsyncDisposableStack()
  const { faults } = options
  opened.defer(surviveDiskFaults(faults))
  const stores = opened.adopt(await openOwnStores(config, recordedSettings(config), refusalToChange), each =>
    each.close(),
  )
  const lease = stores.db ? await soleLease(stores.db, config.takeOverMs, faults) : null
  if (lease) opened.defer(() => lease.release())
  const change = changeOf(config, stores, options)
  yield* performed(config, stores, { ...options, lost: lease?.lost, change })
  if (change) await stores.log.change({ settings: recordedSettings(config), pending: null })
}

/** Null if all is as the log has it. */
function changeOf(config: Config, { log }: OwnStores, asked: RecomputeOptions): Change | null {
  const [current, settings] = [currentOf(log), recordedSettings(config)]
  const changes = changesOf(current, settings)
  if (changes === '') return null
  const { pending = null } = log.changed ?? {}
  if (pending && commandOf(pending) !== commandOf(asked)) {
    throw new RollcallError('RC_CONFIG_CHANGED', `\`${commandOf(pending)}\` was begun and has to end first`)
  }
  return { changes, formerZone: dayRulesOf(current, config).zone }
}

interface Change {
  /** as a sentence */
  changes: string
  formerZone: string
}

/** Resolves when all partitions show what is in the log; throws why one cannot. */
async function replayed({ owner }: Tenure): Promise<void> {
  for (;;) {
    const stopped = (await owner.states()).flatMap(state => state.stopped ?? [])
    const final = stopped.find(({ code }) => !PASSING.includes(code))
    if (final) throw new RollcallError(final.code as ErrorCode, final.message)
    if (stopped.length === 0) return
    await time.sleep(LOOK_MS)
  }
}

/** Null: a shard is being started again, and then goes on. */
async function asked(
  { owner }: Tenure,
  request: RecomputationRequest,
  faults: Faults,
): Promise<RecomputationProgress[] | null> {
  try {
    return await owner.recompute(request)
  } catch (error) {
    if (!PASSING.some(code => isCode(error, code as ErrorCode))) throw error
    faults.report('recompute', error)
    await time.sleep(LOOK_MS)
    return null
  }
}

async function* performed(
  config: Config,
  stores: OwnStores,
  options: RecomputeOptions & { change: Change | null; lost: Promise<never> | undefined },
): AsyncGenerator<Recomputed> {
  const { from, visitors, change, faults, lost } = options
  await using opened = new AsyncDisposableStack()
  const links = opened.adopt(await openLinks(config.natsUrl, false), each => each.close())
  const logger = pino({ level: 'warn' }, pino.destination(2))
  const tenure = opened.adopt(
    await Tenure.begin({
      ...{ settings: config, stores, links, time, faults, logger },
      renewChannels: async () => {},
      stopped() {},
    }),
    each => each.close(),
  )
  const whileOwner = <T>(work: Promise<T>): Promise<T> => Promise.race([work, tenure.lost, ...(lost ? [lost] : [])])
  await whileOwner(tenure.ready())
  await whileOwner(replayed(tenure))
  // From here on no server may run before it has ended: some partitions go by the new rules, others do not yet.
  if (change) {
    const pending = { settings: recordedSettings(config), from, visitors }
    await stores.log.change({ settings: currentOf(stores.log), pending })
  }
  const { zone, inactivityMs } = config
  const request: RecomputationRequest = {
    ...{ id: time.id(), from, visitors },
    change: change && { zone, inactivityMs, formerZone: change.formerZone },
  }
  for (;;) {
    const all = await whileOwner(asked(tenure, request, faults))
    if (!all) continue
    const sum = (of: (each: RecomputationProgress) => number): number =>
      all.reduce((total, each) => total + of(each), 0)
    const isDone = all.every(each => each.isDone)
    const progress = {
      visitors: sum(each => each.visitors),
      days: sum(each => each.days),
      found: sum(each => each.found),
    }
    yield { ...progress, isDone, changed: change?.changes ?? null }
    if (isDone) return
  }
}

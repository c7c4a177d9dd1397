/** Applies changed rules to the visits that are kept, and writes their documents anew. Needs everything Rollcall owns for itself. */
import { pino } from 'pino'
import { type Config, recordedSettings } from '../config.ts'
import { type ErrorCode, isCode, RollcallError } from '../errors.ts'
import { surviveDiskFaults } from '../lmdb/disk.ts'
import { changesOf, commandOf, currentOf, dayRulesOf, refusalToChange } from '../log/recorded.ts'
import type { Faults } from '../observe/index.ts'
import { Servers } from '../observe/servers.ts'
import { type Steps, step } from '../observe/steps.ts'
import { joinedWork, type Work, type Works } from '../observe/work.ts'
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
  /** hear how far it is, and what comes before it */
  works: Works
  faults: Faults
  steps?: Steps | undefined
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
  const { faults, steps } = options
  opened.defer(surviveDiskFaults(faults))
  const settings = recordedSettings(config)
  const open = () => openOwnStores(config, settings, faults, refusalToChange)
  const stores = opened.adopt(await step(steps, 'recompute.stores', null, open), each => each.close())
  const lease = stores.db ? await soleLease(stores.db, config.takeOverMs, faults, steps) : null
  if (lease) opened.defer(() => lease.release())
  const change = changeOf(config, stores, options)
  yield* performed(config, stores, { ...options, lost: lease?.lost, change })
  if (change) await step(steps, 'recompute.end', settings, () => stores.log.change({ settings, pending: null }))
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
async function replayed({ owner }: Tenure, { works, steps }: Pick<RecomputeOptions, 'works' | 'steps'>): Promise<void> {
  let replaying: Work | undefined
  const end = works.begin('replay', 'entries', () => replaying ?? { done: 0, total: null })
  using _ended = { [Symbol.dispose]: end }
  for (;;) {
    const states = await step(steps, 'recompute.states', null, () => owner.states())
    replaying = joinedWork(states.flatMap(({ work }) => work ?? [])).find(({ name }) => name === 'replay')
    const stopped = states.flatMap(state => state.stopped ?? [])
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
  { faults, steps }: Pick<RecomputeOptions, 'faults' | 'steps'>,
): Promise<RecomputationProgress[] | null> {
  try {
    return await step(steps, 'recompute.ask', request, () => owner.recompute(request))
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
  const { from, visitors, change, works, faults, lost, steps } = options
  await using opened = new AsyncDisposableStack()
  const linked = await step(steps, 'recompute.links', null, () => openLinks(config.natsUrl, false))
  const links = opened.adopt(linked, each => each.close())
  const logger = pino({ level: 'warn' }, pino.destination(2))
  const rest = { servers: new Servers({ logger, time }), renewChannels: async () => {}, stopped() {} }
  const taken = () => Tenure.begin({ settings: config, stores, links, works, time, faults, logger, ...rest })
  const tenure = opened.adopt(await step(steps, 'recompute.tenure', null, taken), each => each.close())
  const whileOwner = <T>(work: Promise<T>): Promise<T> => Promise.race([work, tenure.lost, ...(lost ? [lost] : [])])
  await whileOwner(step(steps, 'recompute.claims', null, () => tenure.ready()))
  await whileOwner(replayed(tenure, options))
  // From here on no server may run before it has ended: some partitions go by the new rules, others do not yet.
  if (change) {
    const pending = { settings: recordedSettings(config), from, visitors }
    const changed = { settings: currentOf(stores.log), pending }
    await step(steps, 'recompute.begin', changed, () => stores.log.change(changed))
  }
  const { zone, inactivityMs } = config
  const request: RecomputationRequest = {
    ...{ id: time.id(), from, visitors },
    change: change && { zone, inactivityMs, formerZone: change.formerZone },
  }
  let far = { done: 0, total: 0 }
  opened.defer(works.begin('recompute', 'visitor-days', () => far))
  for (;;) {
    const all = await whileOwner(asked(tenure, request, options))
    if (!all) continue
    const sum = (of: (each: RecomputationProgress) => number): number =>
      all.reduce((total, each) => total + of(each), 0)
    const isDone = all.every(each => each.isDone)
    const progress = {
      visitors: sum(each => each.visitors),
      days: sum(each => each.days),
      found: sum(each => each.found),
    }
    far = { done: progress.days, total: progress.found }
    yield { ...progress, isDone, changed: change?.changes ?? null }
    if (isDone) return
  }
}

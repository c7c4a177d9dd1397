/** Lets partitions go on whose log does not fit their checkpoint. Needs everything Rollcall owns for itself. */
import { type Problem, problemOf } from '../checkpoint/fit.ts'
import type { CheckpointStore, Claim } from '../checkpoint/index.ts'
import type { Cuts } from '../checkpoint/peek.ts'
import { type Config, recordedSettings } from '../config.ts'
import type { Bounds, Seq } from '../log/index.ts'
import { currentOf, dayRulesOf, type Recorded, refusalOf, refusalToChange, type Settings } from '../log/recorded.ts'
import type { Faults } from '../observe/index.ts'
import { type Steps, step } from '../observe/steps.ts'
import { ABOVE, adopt } from '../ownership/adopt.ts'
import { ownerIn } from '../ownership/lease.ts'
import { soleLease } from '../ownership/sole-lease.ts'
import {
  locateStores,
  type OwnLog,
  openDatabase,
  openOwnLog,
  openStores,
  peekAtCheckpoints,
  type Stores,
} from '../stores.ts'
import { systemTime } from '../time.ts'

export interface Repaired {
  partition: number
  problem: Problem | null
  repaired: boolean
  /** its checkpoint is empty: from now on it adopts the documents there are */
  adopts?: true
  /** what is lost by it, or would be */
  loss?: string
}

export interface RepairOptions {
  /** what is in no checkpoint and cannot be kept may go */
  acceptLoss: boolean
  faults: Faults
  steps?: Steps | undefined
}

/** A partition may need repair before a recomputation that was begun can end. */
const refusalToRepair = (log: Recorded, configured: Settings): string =>
  log.changed?.pending ? refusalToChange(log, configured) : refusalOf(log, configured)

/** Answers for one partition after the other. Throws if a server may be running, before anything is changed. */
export async function* repair(config: Config, options: RepairOptions): AsyncGenerator<Repaired> {
  await using opened = new AsyncDisposableStack()
  const { faults, steps } = options
  const located = await step(steps, 'repair.places', null, () => locateStores(config))
  const { places } = opened.adopt(located, each => each.close())
  const { log } = await step(steps, 'repair.log', null, () =>
    openOwnLog(places, recordedSettings(config), refusalToRepair),
  )
  opened.defer(() => log.close())
  const reached = await step(steps, 'repair.database', null, () => openDatabase(places))
  const database = opened.adopt(reached, async each => each?.close())
  const db = database?.db ?? null
  const cuts = await step(steps, 'repair.checkpoints', null, () => peekAtCheckpoints(places.statePath, db))
  const problems = await found(cuts, log, config.partitions, steps)
  const isWell = problems.every(problem => problem === null)
  if (db && (!isWell || (await ownerIn(db, steps)) !== null)) {
    opened.adopt(await soleLease(db, config.takeOverMs, faults, steps), lease => lease.release())
  }
  const open = () => openStores(places, database ?? undefined)
  const stores = isWell ? null : opened.adopt(await step(steps, 'repair.stores', null, open), each => each.close())
  const adopting = stores ? await adopted(stores, log, config, options) : []
  for (const [partition, problem] of problems.entries()) {
    if (!stores || problem === null) yield { partition, problem, repaired: false }
    else if (adopting.includes(partition)) yield { partition, problem, repaired: true, adopts: true }
    else yield await repairOne(stores.checkpoints, log, partition, options)
  }
}

function adopted(
  { checkpoints: store, documents }: Stores,
  log: OwnLog,
  config: Config,
  { acceptLoss, steps }: RepairOptions,
): Promise<number[]> {
  const rules = log.changed ? dayRulesOf(currentOf(log), config) : undefined
  return adopt({ log, store, documents, partitions: config.partitions, rules, time: systemTime, acceptLoss, steps })
}

async function found(cuts: Cuts, log: OwnLog, partitions: number, steps?: Steps): Promise<(Problem | null)[]> {
  const problems: (Problem | null)[] = []
  try {
    for (let p = 0; p < partitions; p++) {
      const cut = (await step(steps, 'repair.cut', p, () => cuts.of(p))) ?? { cut: 0, incarnation: null, mark: null }
      problems.push(await step(steps, 'repair.fit', p, () => problemOf(cut, log, p)))
    }
  } finally {
    await cuts.close()
  }
  return problems
}

async function repairOne(
  store: CheckpointStore,
  log: OwnLog,
  partition: number,
  { acceptLoss, steps }: RepairOptions,
): Promise<Repaired> {
  const claim = await step(steps, 'repair.claim', partition, () => store.claim(partition, systemTime.id()))
  const bounds = await step(steps, 'repair.bounds', partition, () => log.bounds(partition))
  const problem = await step(steps, 'repair.problem', partition, () => problemOf(claim, log, partition))
  const loss = problem && lossOf(problem, claim, bounds)
  const repaired = { partition, problem, repaired: problem !== null, ...(loss && { loss }) }
  if (loss && !acceptLoss) return { ...repaired, repaired: false }
  if (problem === 'RC_LOG_TRUNCATED') await move(store, claim, bounds, steps)
  if (problem !== 'RC_LOG_BEHIND') return repaired
  // A log that was renewed by a repair that came no further is empty, and begins far enough above.
  const isRenewed = bounds.first > bounds.last && bounds.last >= claim.cut + ABOVE
  const next = Math.max(claim.cut, bounds.last) + ABOVE + 1
  if (!isRenewed) await step(steps, 'repair.renew', partition, () => log.renew(partition, next))
  const renewed = await step(steps, 'repair.renewed', partition, () => log.bounds(partition))
  await move(store, claim, renewed, steps)
  return repaired
}

/** The checkpoint goes on with the first entry of the log. */
const move = (
  store: CheckpointStore,
  claim: Claim,
  { first, incarnation }: Bounds,
  steps: Steps | undefined,
): Promise<void> =>
  step(steps, 'repair.commit', claim, () =>
    store.commit(claim, first - 1, { incarnation, mark: null, puts: [], removes: [] }),
  )

/** Entries of the log's own incarnation up to the cut are in the checkpoint; those of another one are in none. */
function lossOf(problem: Problem, claim: Claim, { incarnation, first, last }: Bounds): string | null {
  if (problem === 'RC_LOG_TRUNCATED') return `entries ${between(claim.cut + 1, first - 1)} are gone from the log`
  if (first > last || (claim.incarnation === incarnation && last < claim.cut)) return null
  if (claim.incarnation === incarnation) return `entries up to ${last} of the present log may be in no checkpoint`
  return `entries ${between(first, last)} of the present log were accepted and are in no checkpoint`
}

const between = (first: Seq, last: Seq): string => (first === last ? `${first}` : `${first} to ${last}`)

/** Lets partitions go on whose log does not fit their checkpoint. Needs everything Rollcall owns for itself. */
import { type Problem, problemOf } from '../checkpoint/fit.ts'
import type { CheckpointStore, Claim } from '../checkpoint/index.ts'
import type { Cuts } from '../checkpoint/peek.ts'
import { type Config, recordedSettings } from '../config.ts'
import type { Bounds, Seq } from '../log/index.ts'
import { currentOf, dayRulesOf, type Recorded, refusalOf, refusalToChange, type Settings } from '../log/recorded.ts'
import type { Faults } from '../observe/index.ts'
import { ABOVE, adopt } from '../ownership/adopt.ts'
import { ownerIn } from '../ownership/lease.ts'
import { soleLease } from '../ownership/sole-lease.ts'
import {
  type Keeper,
  locateStores,
  type OwnLog,
  openDatabase,
  openKeeper,
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
}

/** A partition may need repair before a recomputation that was begun can end. */
const refusalToRepair = (log: Recorded, configured: Settings): string =>
  log.changed?.pending ? refusalToChange(log, configured) : refusalOf(log, configured)

/** Answers for one partition after the other. Throws if a server may be running, before anything is changed. */
export async function* repair(config: Config, options: RepairOptions): AsyncGenerator<Repaired> {
  await using opened = new AsyncDisposableStack()
  const { places } = opened.adopt(await locateStores(config), each => each.close())
  const { log } = await openOwnLog(places, recordedSettings(config), refusalToRepair)
  opened.defer(() => log.close())
  const database = opened.adopt(await openDatabase(places), async each => each?.close())
  const db = database?.db ?? null
  const problems = await found(await peekAtCheckpoints(places.statePath, db), log, config.partitions)
  const isWell = problems.every(problem => problem === null)
  if (db && (!isWell || (await ownerIn(db)) !== null)) {
    opened.adopt(await soleLease(db, config.takeOverMs, options.faults), lease => lease.release())
  }
  const stores = isWell ? null : opened.adopt(await openStores(places, database ?? undefined), each => each.close())
  const keeper = opened.adopt(await openKeeper(places.statePath, db, systemTime), each => each.close())
  const adopting = stores ? await adopted(stores, log, config, { ...options, keep: keeper.keep }) : []
  for (const [partition, problem] of problems.entries()) {
    if (!stores || problem === null) yield { partition, problem, repaired: false }
    else if (adopting.includes(partition)) yield { partition, problem, repaired: true, adopts: true }
    else {
      const repaired = await repairOne(stores.checkpoints, log, partition, options)
      // What the new log begins with is said by no entry of it.
      if (repaired.repaired) await keeper.keep(partition)
      yield repaired
    }
  }
}

function adopted(
  { checkpoints: store, documents }: Stores,
  log: OwnLog,
  config: Config,
  { acceptLoss, keep }: RepairOptions & Pick<Keeper, 'keep'>,
): Promise<number[]> {
  const rules = log.changed ? dayRulesOf(currentOf(log), config) : undefined
  return adopt({ log, store, documents, partitions: config.partitions, rules, time: systemTime, acceptLoss, keep })
}

async function found(cuts: Cuts, log: OwnLog, partitions: number): Promise<(Problem | null)[]> {
  const problems: (Problem | null)[] = []
  try {
    for (let p = 0; p < partitions; p++) {
      const cut = (await cuts.of(p)) ?? { cut: 0, incarnation: null, mark: null }
      problems.push(await problemOf(cut, log, p))
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
  { acceptLoss }: RepairOptions,
): Promise<Repaired> {
  const claim = await store.claim(partition, systemTime.id())
  const bounds = await log.bounds(partition)
  const problem = await problemOf(claim, log, partition)
  const loss = problem && lossOf(problem, claim, bounds)
  const repaired = { partition, problem, repaired: problem !== null, ...(loss && { loss }) }
  if (loss && !acceptLoss) return { ...repaired, repaired: false }
  if (problem === 'RC_LOG_TRUNCATED') await move(store, claim, bounds)
  if (problem !== 'RC_LOG_BEHIND') return repaired
  await log.renew(partition, Math.max(claim.cut, bounds.last) + ABOVE + 1)
  await move(store, claim, await log.bounds(partition))
  return repaired
}

/** The checkpoint goes on with the first entry of the log. */
const move = (store: CheckpointStore, claim: Claim, { first, incarnation }: Bounds): Promise<void> =>
  store.commit(claim, first - 1, { incarnation, mark: null, puts: [], removes: [] })

/** Entries of the log's own incarnation up to the cut are in the checkpoint; those of another one are in none. */
function lossOf(problem: Problem, claim: Claim, { incarnation, first, last }: Bounds): string | null {
  if (problem === 'RC_LOG_TRUNCATED') return `entries ${between(claim.cut + 1, first - 1)} are gone from the log`
  if (first > last || (claim.incarnation === incarnation && last < claim.cut)) return null
  if (claim.incarnation === incarnation) return `entries up to ${last} of the present log may be in no checkpoint`
  return `entries ${between(first, last)} of the present log were accepted and are in no checkpoint`
}

const between = (first: Seq, last: Seq): string => (first === last ? `${first}` : `${first} to ${last}`)

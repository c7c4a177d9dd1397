/** Lets partitions go on whose log does not fit their checkpoint. Needs everything Rollcall owns for itself. */
import { isDamaged, lookAt, type Problem } from '../checkpoint/fit.ts'
import type { CheckpointStore, Claim } from '../checkpoint/index.ts'
import type { Cuts } from '../checkpoint/peek.ts'
import { type Config, recordedSettings } from '../config.ts'
import { damagedDocuments, forgetDocuments } from '../documents/damage.ts'
import type { Bounds, Seq } from '../log/index.ts'
import { currentOf, dayRulesOf, type Recorded, refusalOf, refusalToChange, type Settings } from '../log/recorded.ts'
import type { Faults } from '../observe/index.ts'
import { type Steps, step } from '../observe/steps.ts'
import type { Works } from '../observe/work.ts'
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
  /** its checkpoint is empty: the log brings all of it back */
  replays?: true
  /** what is lost by it, or would be */
  loss?: string
}

/** A document that is not as it was written, by its collection and id. */
export interface RepairedDocument {
  document: string
  problem: 'RC_DOCUMENT_CORRUPT'
  /** it is gone */
  repaired: boolean
  loss: string
}

export interface RepairOptions {
  /** what is in no checkpoint and cannot be kept may go */
  acceptLoss: boolean
  /** hear how far it is */
  works: Works
  faults: Faults
  steps?: Steps | undefined
}

/** A partition may need repair before a recomputation that was begun can end. */
const refusalToRepair = (log: Recorded, configured: Settings): string =>
  log.changed?.pending ? refusalToChange(log, configured) : refusalOf(log, configured)

/**
 * Answers for one partition after the other, then for damaged documents. Throws if a server may be running, before
 * anything is changed.
 */
export async function* repair(config: Config, options: RepairOptions): AsyncGenerator<Repaired | RepairedDocument> {
  await using opened = new AsyncDisposableStack()
  const { faults, works, steps } = options
  const { partitions } = config
  const located = await step(steps, 'repair.places', null, () => locateStores(config, { toTheEnd: true, faults }))
  const { places } = opened.adopt(located, each => each.close())
  const { log } = await step(steps, 'repair.log', null, () =>
    openOwnLog(places, recordedSettings(config), refusalToRepair),
  )
  opened.defer(() => log.close())
  const reached = await step(steps, 'repair.database', null, () => openDatabase(places))
  const database = opened.adopt(reached, async each => each?.close())
  const db = database?.db ?? null
  const cuts = await step(steps, 'repair.checkpoints', null, () => peekAtCheckpoints(places.statePath, db))
  let looked = 0
  const endLook = works.begin('look', 'partitions', () => ({ done: looked, total: partitions }))
  const problems = await found(cuts, log, partitions, () => looked++, steps).finally(endLook)
  const isWell = problems.every(problem => problem === null)
  if (db && (!isWell || (await ownerIn(db, steps)) !== null)) {
    opened.adopt(await soleLease(db, config.takeOverMs, faults, steps), lease => lease.release())
  }
  const open = () => openStores(places, database ?? undefined)
  const stores = isWell ? null : opened.adopt(await step(steps, 'repair.stores', null, open), each => each.close())
  const losses = new Map<number, string>()
  for (const partition of stores ? partitionsWith('RC_CHECKPOINT_CORRUPT', problems) : []) {
    const loss = await lossWithout(log, partition, steps)
    if (loss) losses.set(partition, loss)
    if (!loss || options.acceptLoss)
      await step(steps, 'repair.forget', partition, () => stores!.checkpoints.forget(partition))
  }
  const keeping = () => openKeeper(places.statePath, db, systemTime)
  const keeper = opened.adopt(await step(steps, 'repair.keeper', null, keeping), each => each.close())
  const adopting = stores ? await adopted(stores, log, config, { ...options, keep: keeper.keep }) : []
  let mended = 0
  opened.defer(works.begin('repair', 'partitions', () => ({ done: mended, total: partitions })))
  for (const [partition, problem] of problems.entries()) {
    mended = partition
    const loss = losses.get(partition)
    const told = { partition, problem, ...(loss && { loss }) }
    if (!stores || problem === null || (loss && !options.acceptLoss)) yield { ...told, repaired: false }
    else if (adopting.includes(partition)) yield { ...told, repaired: true, adopts: true }
    else if (problem === 'RC_CHECKPOINT_CORRUPT' && !loss) yield { ...told, repaired: true, replays: true }
    else {
      const repaired = { ...(await repairOne(stores.checkpoints, log, partition, options)), ...told }
      // No entry of the new log says with which state it begins.
      if (repaired.repaired) await step(steps, 'repair.keep', partition, () => keeper.keep(partition))
      yield repaired
    }
  }
  if (!db) yield* repairDocuments(places.statePath, options)
}

async function* repairDocuments(path: string, { acceptLoss, steps }: RepairOptions): AsyncGenerator<RepairedDocument> {
  const damaged = [...damagedDocuments(path)]
  if (damaged.length > 0 && acceptLoss)
    await step(steps, 'repair.documents', damaged.length, () => forgetDocuments(path, damaged))
  for (const { name } of damaged) {
    yield { document: name, problem: 'RC_DOCUMENT_CORRUPT', repaired: acceptLoss, loss: lossOfDocument(name) }
  }
}

const lossOfDocument = (name: string): string =>
  /^web-(sessions|events)\//.test(name)
    ? 'the document, until `rollcall rewind --from` its day writes it again'
    : 'the document, but for what is written to it from now on'

const partitionsWith = (wanted: Problem, problems: (Problem | null)[]): number[] =>
  problems.flatMap((problem, partition) => (problem === wanted ? [partition] : []))

/** The loss of a partition without its checkpoint, by what its log does not bring back; null if that is nothing. */
async function lossWithout(log: OwnLog, partition: number, steps?: Steps): Promise<string | null> {
  const { first, last } = await step(steps, 'repair.loss', partition, () => log.bounds(partition))
  if (first === 1 && last > 0) return null
  return `the log holds nothing before ${first}: what is neither in it nor in documents begins anew`
}

function adopted(
  { checkpoints: store, documents }: Stores,
  log: OwnLog,
  config: Config,
  { acceptLoss, works, steps, keep }: RepairOptions & Pick<Keeper, 'keep'>,
): Promise<number[]> {
  const rules = log.changed ? dayRulesOf(currentOf(log), config) : undefined
  const { partitions } = config
  return adopt({ log, store, documents, partitions, rules, time: systemTime, acceptLoss, keep, works, steps })
}

async function found(
  cuts: Cuts,
  log: OwnLog,
  partitions: number,
  looked: () => void,
  steps?: Steps,
): Promise<(Problem | null)[]> {
  const problems: (Problem | null)[] = []
  try {
    for (let p = 0; p < partitions; p++) {
      const { problem } = await step(steps, 'repair.fit', p, () => lookAt(p, cuts, log))
      const isDamaged = !problem && (await step(steps, 'repair.damage', p, () => cuts.damage(p)))
      problems.push(isDamaged ? 'RC_CHECKPOINT_CORRUPT' : problem)
      looked()
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
  const look = () => lookAt(partition, { of: async () => claim }, log)
  const { problem } = await step(steps, 'repair.problem', partition, look)
  const behind =
    problem === 'RC_LOG_CORRUPT' ? await wholeBehind(log, partition, claim.cut, bounds.last, steps) : claim.cut
  const loss = problem && lossOf(problem, claim, bounds, behind)
  const repaired = { partition, problem, repaired: problem !== null, ...(loss && { loss }) }
  if (loss && !acceptLoss) return { ...repaired, repaired: false }
  if (problem === 'RC_LOG_CORRUPT') await move(store, claim, { ...bounds, first: behind + 1 }, steps)
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

/** The last of the damaged entries that follow the cut one after another; the cut itself if none does. */
async function wholeBehind(log: OwnLog, partition: number, cut: Seq, last: Seq, steps?: Steps): Promise<Seq> {
  let seq = cut
  while (seq < last && (await step(steps, 'repair.whole', seq + 1, () => isDamaged(log, partition, seq + 1)))) seq++
  return seq
}

/** The checkpoint goes on with the first entry of the log. */
const move = (
  store: CheckpointStore,
  claim: Claim,
  { first, incarnation }: Bounds,
  steps: Steps | undefined,
): Promise<unknown> =>
  step(steps, 'repair.commit', claim, () =>
    store.commit(claim, first - 1, { incarnation, mark: null, puts: [], removes: [] }),
  )

/** Entries of the log's own incarnation up to the cut are in the checkpoint; those of another one are in none. */
function lossOf(problem: Problem, claim: Claim, { incarnation, first, last }: Bounds, behind: Seq): string | null {
  if (problem === 'RC_LOG_CORRUPT') {
    return behind > claim.cut ? `entries ${between(claim.cut + 1, behind)} were accepted and cannot be read` : null
  }
  if (problem === 'RC_LOG_TRUNCATED') return `entries ${between(claim.cut + 1, first - 1)} are gone from the log`
  if (first > last || (claim.incarnation === incarnation && last < claim.cut)) return null
  if (claim.incarnation === incarnation) return `entries up to ${last} of the present log may be in no checkpoint`
  return `entries ${between(first, last)} of the present log were accepted and are in no checkpoint`
}

const between = (first: Seq, last: Seq): string => (first === last ? `${first}` : `${first} to ${last}`)

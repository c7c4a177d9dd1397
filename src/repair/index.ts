/** Lets partitions go on whose log does not fit their checkpoint. Needs everything Rollcall owns for itself. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Db } from 'mongodb'
import { type Problem, problemOf } from '../checkpoint/fit.ts'
import type { CheckpointStore, Claim } from '../checkpoint/index.ts'
import { type Cuts, peekAtCuts } from '../checkpoint/peek.ts'
import { type Config, recordedSettings } from '../config.ts'
import { isCode, RollcallError } from '../errors.ts'
import { openDataDir } from '../lmdb/data-dir.ts'
import type { Bounds, Seq } from '../log/index.ts'
import { ABOVE, adopt } from '../ownership/adopt.ts'
import type { Lease } from '../ownership/lease.ts'
import { changesOf, type OwnLog, openOwnLog, openStores, type Places, type Stores } from '../stores.ts'

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
}

/** What it takes beyond the time after which an owner counts as gone to look and to take its place. */
const LOOK_MS = 5_000

/** Answers for one partition after the other. Throws if a server may be running, before anything is changed. */
export async function* repair(config: Config, options: RepairOptions): AsyncGenerator<Repaired> {
  const { natsUrl, natsReplicas, mongodbUrl, redisUrl, partitions } = config
  const dir = natsUrl && mongodbUrl ? null : await openDataDir(config.dataDir)
  const { logPath, statePath } = dir ?? { logPath: '', statePath: '' }
  const closes: (() => Promise<unknown>)[] = [async () => dir?.release()]
  try {
    const settings = recordedSettings(config)
    const places: Places = { logPath, statePath, partitions, natsUrl, natsReplicas, mongodbUrl, redisUrl }
    const { log } = await openOwnLog(places, settings)
    closes.push(() => log.close())
    const changed = changesOf(log.settings, settings)
    if (changed) throw new RollcallError('RC_CONFIG_CHANGED', changed)
    const db = mongodbUrl ? await connected(mongodbUrl, closes) : null
    const cuts = db ? (await import('../checkpoint/mongo/peek.ts')).peekAtMongoCuts(db) : peekAtCuts(statePath)
    const problems = await found(cuts, log, partitions).finally(() => cuts.close())
    const isWell = problems.every(problem => problem === null)
    if (db && (!isWell || (await isOwned(db)))) {
      const lease = await ownership(db, config.takeOverMs)
      closes.push(() => lease.release())
    }
    const stores = isWell ? null : await openedStores(db, places)
    if (stores) closes.push(() => stores.close())
    const { acceptLoss } = options
    const from = stores && {
      log,
      store: stores.checkpoints,
      documents: stores.documents,
      partitions,
      now: Date.now,
      acceptLoss,
    }
    const adopting = from ? await adopt(from) : []
    for (const [partition, problem] of problems.entries()) {
      if (!stores || problem === null) yield { partition, problem, repaired: false }
      else if (adopting.includes(partition)) yield { partition, problem, repaired: true, adopts: true }
      else yield await repairOne(stores.checkpoints, log, partition, options)
    }
  } finally {
    for (const close of closes.reverse()) await close()
  }
}

async function connected(url: string, closes: (() => Promise<unknown>)[]): Promise<Db> {
  const { connectMongo } = await import('../mongodb/index.ts')
  const { db, close } = await connectMongo(url)
  closes.push(close)
  return db
}

async function isOwned(db: Db): Promise<boolean> {
  const { ownerIn } = await import('../ownership/lease.ts')
  return (await ownerIn(db)) !== null
}

async function openedStores(db: Db | null, places: Places): Promise<Omit<Stores, 'db'>> {
  if (!db) return openStores(places)
  const { openMongoCheckpoints } = await import('../checkpoint/mongo/index.ts')
  const { openMongoDocuments } = await import('../documents/mongo.ts')
  return { checkpoints: openMongoCheckpoints(db), documents: openMongoDocuments(db), close: async () => {} }
}

async function found(cuts: Cuts, log: OwnLog, partitions: number): Promise<(Problem | null)[]> {
  const problems: (Problem | null)[] = []
  for (let p = 0; p < partitions; p++) {
    const cut = (await cuts.of(p)) ?? { cut: 0, incarnation: null, mark: null }
    problems.push(await problemOf(cut, log, p))
  }
  return problems
}

async function ownership(db: Db, goneMs: number): Promise<Lease> {
  const { Lease } = await import('../ownership/lease.ts')
  try {
    return await Lease.acquire(db, randomUUID(), AbortSignal.timeout(goneMs * 1.2 + LOOK_MS), {
      goneMs,
      monotonic: () => performance.now(),
      sleep,
      waiting: () => {},
    })
  } catch (cause) {
    if (!isCode(cause, 'RC_CLOSING')) throw cause
    throw new RollcallError('RC_NO_OWNER', 'Another process owns the partitions; end it first.', { cause })
  }
}

async function repairOne(
  store: CheckpointStore,
  log: OwnLog,
  partition: number,
  { acceptLoss }: RepairOptions,
): Promise<Repaired> {
  const claim = await store.claim(partition, randomUUID())
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

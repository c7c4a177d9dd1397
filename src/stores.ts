/** Where things are kept: in the data directory, or on a server where its URL is set. Clients load when first needed. */
import { dirname, join } from 'node:path'
import type { MessagePort } from 'node:worker_threads'
import type { Db } from 'mongodb'
import type { LiveSets } from './audience/index.ts'
import { memoryLiveSets } from './audience/memory.ts'
import { openCheckpoints } from './checkpoint/embedded/index.ts'
import { openKept } from './checkpoint/embedded/kept.ts'
import { peekAtCuts } from './checkpoint/embedded/peek.ts'
import type { CheckpointStore } from './checkpoint/index.ts'
import { type Kept, type KeptSlices, keep } from './checkpoint/kept.ts'
import type { Cuts } from './checkpoint/peek.ts'
import { openDocuments } from './documents/embedded.ts'
import { completeIndexes } from './documents/embedded-tables.ts'
import type { DocumentStore } from './documents/index.ts'
import { RollcallError } from './errors.ts'
import { openDataDir } from './lmdb/data-dir.ts'
import { followLog } from './log/embedded/follower.ts'
import { type EmbeddedLog, openLog } from './log/embedded/writer.ts'
import type { EventLog, Seq } from './log/index.ts'
import { HighWater, roomForHighWater } from './log/jetstream/high-water.ts'
import { type Changed, type Recorded, refusalOf, type Settings } from './log/recorded.ts'
import type { MongoConnection } from './mongodb/index.ts'
import type { Holder } from './observe/holder.ts'
import type { Faults } from './observe/index.ts'
import type { Meter } from './observe/meter.ts'
import type { Probe } from './observe/servers.ts'
import type { ServerName } from './observe/silence.ts'
import { systemTime, type Time } from './time.ts'

/** The settings of all stores; each of a process's threads opens its own with them. */
export interface StoreSettings {
  logPath: string
  statePath: string
  partitions: number
  /** null: embedded */
  natsUrl: string | null
  /** copies of each stream, if this makes them */
  natsReplicas?: number
  mongodbUrl: string | null
  redisUrl: string | null
  /** of a log on a server, see `HighWater` */
  highWater?: SharedArrayBuffer
}

/** The part of the configuration that says where things are kept. */
type Located = Omit<StoreSettings, 'logPath' | 'statePath' | 'highWater'> & { dataDir: string }

/** The settings of stores, and who has the data directory, which is locked unless all is on servers. Throws RC_DATA_DIR_LOCKED. */
export async function locateStores(
  config: Located,
  look: Parameters<typeof openDataDir>[1],
): Promise<{ places: StoreSettings; holder: Holder | null; close(): Promise<void> }> {
  const { partitions, natsUrl, natsReplicas, mongodbUrl, redisUrl } = config
  const dir = natsUrl && mongodbUrl ? null : await openDataDir(config.dataDir, look)
  const { logPath, statePath } = dir ?? { logPath: '', statePath: '' }
  const urls = { natsUrl, mongodbUrl, redisUrl, ...(natsReplicas !== undefined && { natsReplicas }) }
  const places = { logPath, statePath, partitions, ...urls }
  return { places, holder: dir?.holder ?? null, close: async () => dir?.release() }
}

export interface OwnLog extends EventLog, Recorded {
  /** Notes how the settings changed. */
  change(changed: Changed): Promise<void>
  /** Makes the partition anew, empty, of another incarnation, with `first` as its next seq. */
  renew(partition: number, first: Seq): Promise<void>
  /** Why nothing is taken just now; null if it is. */
  failing(): RollcallError | null
}

type Refused = (log: Recorded, configured: Settings) => string

/**
 * The log as the process has it; `writer` where threads have to follow it. `recorded` are the settings that a log keeps
 * when it is made; RC_CONFIG_CHANGED where `refused` says why these may not be used with it. With `checkpoints` it
 * follows an owner in another process that begins a partition anew.
 */
export async function openOwnLog(
  places: StoreSettings,
  recorded: Settings,
  refused: Refused = refusalOf,
  checkpoints?: CheckpointStore,
  meter?: Meter,
): Promise<{ log: OwnLog; writer: EmbeddedLog | null }> {
  const { natsUrl, natsReplicas: replicas = 1, logPath, partitions, highWater } = places
  const goesOnWith = async (partition: number, incarnation: string): Promise<boolean> =>
    (await checkpoints?.peek(partition))?.incarnation === incarnation
  const writer = natsUrl ? null : await openLog(logPath, partitions, recorded, systemTime, meter)
  const options = { url: natsUrl!, partitions, settings: recorded, replicas, highWater, goesOnWith, meter }
  const log = writer ?? (await (await import('./log/jetstream/index.ts')).openJetStreamLog(options))
  const refusal = refused(log, recorded)
  if (!refusal) return { log, writer }
  await log.close()
  throw new RollcallError('RC_CONFIG_CHANGED', refusal)
}

/** The log as a thread has it. */
export async function openThreadsLog(places: StoreSettings, port: MessagePort, meter: Meter): Promise<EventLog> {
  const { natsUrl, logPath, partitions, highWater } = places
  if (!natsUrl) return followLog(logPath, port)
  const { openJetStreamLog } = await import('./log/jetstream/index.ts')
  return openJetStreamLog({ url: natsUrl, partitions, settings: {}, highWater, meter })
}

/** Null: checkpoints and documents are embedded. */
export async function openDatabase({ mongodbUrl }: StoreSettings): Promise<MongoConnection | null> {
  if (!mongodbUrl) return null
  const { connectMongo } = await import('./mongodb/index.ts')
  return connectMongo(mongodbUrl)
}

export interface Stores {
  documents: DocumentStore
  checkpoints: CheckpointStore
  close(): Promise<void>
}

/** Opens checkpoints and documents. A connection that is given stays open when they are closed. */
export async function openStores(places: StoreSettings, given?: MongoConnection, meter?: Meter): Promise<Stores> {
  const connection = given ?? (await openDatabase(places))
  if (!connection) {
    const [documents, checkpoints] = [
      openDocuments({ path: places.statePath, meter }),
      openCheckpoints(places.statePath),
    ]
    const close = async (): Promise<void> => void (await Promise.all([documents.close(), checkpoints.close()]))
    return { documents, checkpoints, close }
  }
  const { openMongoCheckpoints } = await import('./checkpoint/mongo/index.ts')
  const { openMongoDocuments } = await import('./documents/mongo.ts')
  const [documents, checkpoints] = [openMongoDocuments(connection.db, { meter }), openMongoCheckpoints(connection.db)]
  return { documents, checkpoints, close: async () => (given ? undefined : connection.close()) }
}

/** The cuts of all partitions, without claiming any of them. */
export async function peekAtCheckpoints(statePath: string, db: Db | null, options = {}): Promise<Cuts> {
  return db ? (await import('./checkpoint/mongo/peek.ts')).peekAtMongoCuts(db) : peekAtCuts(statePath, options)
}

/** Copies of checkpoints, beside these. */
export async function openKeptCheckpoints(statePath: string, db: Db | null, options = {}): Promise<KeptSlices> {
  if (db) return (await import('./checkpoint/mongo/kept.ts')).openMongoKept(db)
  return openKept(join(dirname(statePath), 'kept'), options)
}

/** Copies checkpoints, which are this process's own. */
export interface Keeper {
  /** Copies there are of a partition, newest first. */
  kept(partition: number): Promise<Kept[]>
  keep(partition: number): Promise<Kept | null>
  close(): Promise<void>
}

export async function openKeeper(statePath: string, db: Db | null, time: Time): Promise<Keeper> {
  const slices = await openKeptCheckpoints(statePath, db)
  const cuts = await peekAtCheckpoints(statePath, db, { readOnly: false })
  return {
    kept: partition => slices.heads(partition),
    keep: partition => keep({ cuts, slices, time }, partition),
    close: async () => void (await Promise.all([slices.close(), cuts.close()])),
  }
}

/** All that a process keeps, which may own the partitions. */
export interface OwnStores extends Stores {
  places: StoreSettings
  log: OwnLog
  /** see `openOwnLog` */
  writer: EmbeddedLog | null
  /** null: embedded */
  db: Db | null
  keeper: Keeper
  /** this process, as it has the data directory; null: all is on servers */
  holder: Holder | null
  /** The last entry of a partition that this process knows of, without asking anybody. */
  known(partition: number): Seq
  /** The owner says that the partition's log went at least so far: a log that ends before lost something. */
  applied(partition: number, seq: Seq): void
}

export async function openOwnStores(
  config: Located,
  recorded: Settings,
  faults: Faults,
  refused?: Refused,
  meter?: Meter,
): Promise<OwnStores> {
  await using opened = new AsyncDisposableStack()
  const located = opened.adopt(await locateStores(config, { faults }), each => each.close())
  const highWater = roomForHighWater(config.partitions)
  const places = { ...located.places, highWater }
  const database = opened.adopt(await openDatabase(places), async each => each?.close())
  if (!database) await completeIndexes(places.statePath)
  const { documents, checkpoints } = opened.adopt(await openStores(places, database ?? undefined, meter), each =>
    each.close(),
  )
  const { log, writer } = await openOwnLog(places, recorded, refused, checkpoints, meter)
  opened.defer(() => log.close())
  const keeper = opened.adopt(await openKeeper(places.statePath, database?.db ?? null, systemTime), each =>
    each.close(),
  )
  await writer?.takeOver()
  const heard = new HighWater(highWater)
  const rest = opened.move()
  return {
    ...{ places, documents, checkpoints, db: database?.db ?? null, log, writer, keeper },
    holder: located.holder,
    known: partition => writer?.last(partition) ?? heard.of(partition),
    applied: (partition, seq) => heard.raise(partition, seq),
    close: () => rest.disposeAsync(),
  }
}

/** How to ask the servers that this process has its things on whether they are there. */
export async function openProbes(
  { natsUrl, redisUrl }: Pick<StoreSettings, 'natsUrl' | 'redisUrl'>,
  { log, db }: Pick<OwnStores, 'log' | 'db'>,
): Promise<{ probes: Map<ServerName, Probe>; close(): Promise<void> }> {
  const probes = new Map<ServerName, Probe>()
  if (natsUrl) probes.set('nats', () => log.bounds(0))
  // A gateway answers even when nothing is behind it, unless it has to look there.
  if (db) probes.set('mongodb', () => db.listCollections({}, { nameOnly: true }).toArray())
  if (!redisUrl) return { probes, close: async () => {} }
  const { redisProbe } = await import('./audience/redis-connection.ts')
  const { probe, close } = redisProbe(redisUrl)
  return { probes: probes.set('redis', probe), close }
}

/** Copies of who is alive: in this thread's memory, or in Redis for other services to read. */
export async function openLiveSets(
  { redisUrl, partitions }: StoreSettings,
  log: EventLog,
  { owned, time, faults }: { owned: readonly number[]; time: Time; faults: Faults },
): Promise<LiveSets<null>> {
  if (!redisUrl) return memoryLiveSets(time, owned.length)
  const { openRedisLiveSets } = await import('./audience/redis.ts')
  const { incarnation } = await log.bounds(0)
  return openRedisLiveSets({ url: redisUrl, generation: incarnation, partitions, time, faults })
}

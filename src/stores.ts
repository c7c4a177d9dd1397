/** Where things are kept: in the data directory, or on a server where its URL is set. Clients load when first needed. */
import type { MessagePort } from 'node:worker_threads'
import type { Db } from 'mongodb'
import type { LiveSets } from './audience/index.ts'
import { memoryLiveSets } from './audience/memory.ts'
import { openCheckpoints } from './checkpoint/embedded.ts'
import type { CheckpointStore } from './checkpoint/index.ts'
import { openDocuments } from './documents/embedded.ts'
import type { DocumentStore } from './documents/index.ts'
import { followLog } from './log/embedded/follower.ts'
import { type EmbeddedLog, openLog } from './log/embedded/writer.ts'
import type { EventLog, Seq } from './log/index.ts'

export interface Places {
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
  seen?: SharedArrayBuffer
}

type Settings = Record<string, string | number>

export interface OwnLog extends EventLog {
  /** those it was made with */
  readonly settings: Record<string, unknown>
  /** Makes the partition anew, empty, of another incarnation, with `first` as its next seq. */
  renew(partition: number, first: Seq): Promise<void>
}

/**
 * The log as the process has it; `writer` where threads have to follow it. `settings` are recorded if this makes the log.
 * With `checkpoints` it follows an owner in another process who begins a partition anew.
 */
export async function openOwnLog(
  { natsUrl, natsReplicas: replicas = 1, logPath, partitions, seen }: Places,
  settings: Settings,
  checkpoints?: CheckpointStore,
): Promise<{ log: OwnLog; writer: EmbeddedLog | null }> {
  if (natsUrl) {
    const { openJetStreamLog } = await import('./log/jetstream/index.ts')
    const goesOnWith = async (partition: number, incarnation: string): Promise<boolean> =>
      (await checkpoints?.peek(partition))?.incarnation === incarnation
    const log = await openJetStreamLog({ url: natsUrl, partitions, settings, replicas, highWater: seen, goesOnWith })
    return { log, writer: null }
  }
  const writer = await openLog(logPath, partitions, settings)
  return { log: writer, writer }
}

/** The log as a thread has it. */
export async function openThreadsLog(places: Places, port: MessagePort): Promise<EventLog> {
  const { natsUrl, logPath, partitions, seen } = places
  if (!natsUrl) return followLog(logPath, port)
  const { openJetStreamLog } = await import('./log/jetstream/index.ts')
  return openJetStreamLog({ url: natsUrl, partitions, settings: {}, highWater: seen })
}

export interface Stores {
  documents: DocumentStore
  checkpoints: CheckpointStore
  /** null: embedded */
  db: Db | null
  close(): Promise<void>
}

export async function openStores({ statePath, mongodbUrl }: Places): Promise<Stores> {
  if (!mongodbUrl) {
    const [documents, checkpoints] = [openDocuments({ path: statePath }), openCheckpoints(statePath)]
    const close = async (): Promise<void> => void (await Promise.all([documents.close(), checkpoints.close()]))
    return { documents, checkpoints, db: null, close }
  }
  const { connectMongo } = await import('./mongodb/index.ts')
  const { openMongoCheckpoints } = await import('./checkpoint/mongo/index.ts')
  const { openMongoDocuments } = await import('./documents/mongo.ts')
  const { db, close } = await connectMongo(mongodbUrl)
  return { documents: await openMongoDocuments(db), checkpoints: openMongoCheckpoints(db), db, close }
}

/** Copies of who is alive: in this thread's memory, or in Redis for other services to read. */
export async function openLiveSets(
  { redisUrl, partitions }: Places,
  log: EventLog,
  failed: (error: Error) => void,
): Promise<LiveSets<null>> {
  if (!redisUrl) return memoryLiveSets()
  const { openRedisLiveSets } = await import('./audience/redis.ts')
  const { incarnation } = await log.bounds(0)
  return openRedisLiveSets({ url: redisUrl, generation: incarnation, partitions, failed })
}

/** Which settings differ from those the log was made with, as a sentence; '' if none does. */
export const changesOf = (recorded: Record<string, unknown>, configured: Record<string, string | number>): string =>
  Object.entries(configured)
    .filter(([name, value]) => recorded[name] !== value)
    .map(([name, value]) => `${name} was ${recorded[name]}, is ${value}`)
    .join('; ')

import type { NatsConnection } from '@nats-io/transport-node'
import { type Logger, pino } from 'pino'
import { Callers } from './bridge/callers.ts'
import { Door } from './bridge/http/in-flight.ts'
import { httpServer } from './bridge/http/index.ts'
import type { Bridge } from './bridge/index.ts'
import type { NatsInputs } from './bridge/nats/index.ts'
import { Stamp } from './bridge/stamp.ts'
import { StreamerSessions } from './bridge/streamer-sessions.ts'
import { Subscriptions } from './bridge/subscriptions.ts'
import { type Config, recordedSettings } from './config.ts'
import { RollcallError } from './errors.ts'
import { openDataDir } from './lmdb/data-dir.ts'
import { surviveDiskFaults } from './lmdb/disk.ts'
import { appender } from './log/append.ts'
import type { Seq } from './log/index.ts'
import { HighWater, roomForHighWater } from './log/jetstream/high-water.ts'
import { Candidacy } from './ownership/candidacy.ts'
import { Partitions } from './ownership/directory.ts'
import type { Owner, PartitionState } from './ownership/index.ts'
import { look } from './ownership/peek.ts'
import { Tenure } from './ownership/tenure.ts'
import type { Shard } from './shard/supervisor.ts'
import { changesOf, openOwnLog, openStores, type Places } from './stores.ts'

/** Requests under way at the end may take so long to be answered. */
const LAST_ANSWERS_MS = 2_000
const LAST_REFUSALS_MS = 500
const DIAL_MS = 5_000
/** So long a shard that has claimed its partitions may be busy with what came before. */
const CLAIMED_MS = 25_000

export interface Rollcall {
  url: string
  /** none while another process owns the partitions */
  readonly shards: readonly Shard[]
  /** rejects when another process may own the partitions, or they cannot be had; all that is left is to close */
  lost: Promise<never>
  /** Takes no more, commits what it has, gives the data directory back. */
  close(): Promise<void>
}

/**
 * The one place where implementations are chosen: opens a bridge, and the partitions with it as soon as no other
 * process owns them. Throws RollcallError if it cannot start, RC_CLOSING at the signal.
 */
export async function start(config: Config, signal: AbortSignal = new AbortController().signal): Promise<Rollcall> {
  // What is open is closed in the opposite order, also if the rest cannot be opened.
  await using opened = new AsyncDisposableStack()
  const logger = pino({ level: config.logLevel })
  let wasListening = false
  opened.defer(() => void (wasListening && logger.info('closed')))
  opened.defer(surviveDiskFaults({ report: (_, error) => logger.error({ err: error }, 'disk fault') }))
  const dir = config.natsUrl && config.mongodbUrl ? null : await openDataDir(config.dataDir)
  opened.defer(() => dir?.release())
  const settings = recordedSettings(config)
  const { natsUrl, natsReplicas, mongodbUrl, redisUrl } = config
  const { logPath, statePath } = dir ?? { logPath: '', statePath: '' }
  const seen = roomForHighWater(config.partitions)
  const urls = { natsUrl, natsReplicas, mongodbUrl, redisUrl }
  const places: Places = { logPath, statePath, partitions: config.partitions, ...urls, seen }
  const { documents, checkpoints, db, close } = await openStores(places)
  opened.defer(close)
  const { log, writer } = await openOwnLog(places, settings, checkpoints)
  opened.defer(() => log.close())
  const changed = changesOf(log.settings, settings)
  if (changed) throw new RollcallError('RC_CONFIG_CHANGED', changed)
  const nats = natsUrl ? await connected(natsUrl, opened) : null
  /** over which processes reach each other's partitions; null: there is but one process */
  const between = db && nats

  const known = new HighWater(seen)
  const applied = (partition: number, seq: Seq): void => known.raise(partition, seq)
  const partitions = new Partitions(config.partitions, between && (await remote(between)), applied)
  const subscriptions = new Subscriptions(documents)
  const failed = (error: unknown): void => logger.error({ err: error }, 'request failed')
  const bridge = {
    settings: config,
    callers: config.auth && new Callers(config.auth, Date.now),
    append: appender(log, config.partitions, partition => partitions.refusalOf(partition)),
    stamp: new Stamp(documents, config.streamPaths),
    documents,
    partitions,
    subscriptions,
    now: Date.now,
    failed,
  }
  const streamers = new StreamerSessions(bridge)
  const door = new Door()
  const app = httpServer({ ...bridge, streamers }, door)
  opened.defer(async () => {
    const late = setTimeout(() => app.server.closeAllConnections(), LAST_REFUSALS_MS)
    await app.close()
    clearTimeout(late)
  })
  const candidacy = new Candidacy(
    {
      ...{ db, isOfUseBeside: between !== null, takeOverMs: config.takeOverMs, logger },
      async begin() {
        const renewChannels = (streamerId: string): Promise<void> => subscriptions.renew(streamerId)
        const stopped = (state: PartitionState): void => partitions.learn([state])
        const stores = { log, writer, documents, checkpoints }
        const tenure = await Tenure.begin({
          settings: config,
          places,
          ...stores,
          between,
          nats,
          renewChannels,
          stopped,
          logger,
        })
        partitions.passTo(tenure.owner)
        return tenure
      },
    },
    signal,
  )
  opened.defer(() => candidacy.close())
  // Before anything is accepted it is known which partitions cannot take it.
  if (await candidacy.decided) partitions.learn(await candidacy.tenure!.owner.states(CLAIMED_MS))
  else {
    partitions.learn(await look(checkpoints, log, config.partitions))
    await partitions.states()
  }
  const watching = partitions.watch(failed)
  opened.defer(() => watching.close())
  const inputs = nats && (await natsInputs(nats, { ...bridge, streamers }))
  // Whoever asks is told that it ends, until all is committed.
  opened.defer(async () => void (await Promise.all([door.shut(LAST_ANSWERS_MS), inputs?.close(LAST_ANSWERS_MS)])))
  // Whoever is told that it listens finds it there, too.
  await nats?.flush().catch(failed)
  opened.defer(() => partitions.stopWaiting())
  const url = await app.listen({ host: config.host, port: config.port }).catch(cause => {
    throw new RollcallError('RC_LISTEN_FAILED', cause.message, { cause })
  })
  wasListening = true
  announce(logger, config, url)
  const rest = opened.move()
  return {
    url,
    get shards() {
      return candidacy.tenure?.owner.all ?? []
    },
    lost: candidacy.lost,
    close: () => rest.disposeAsync(),
  }
}

async function connected(url: string, opened: AsyncDisposableStack): Promise<NatsConnection> {
  const { openConnection } = await import('./nats/index.ts')
  const connection = await openConnection({ url }, DIAL_MS)
  opened.defer(() => connection.close())
  return connection.nats
}

async function natsInputs(nats: NatsConnection, bridge: Bridge): Promise<NatsInputs> {
  const { NatsInputs } = await import('./bridge/nats/index.ts')
  return new NatsInputs(nats, bridge)
}

async function remote(nats: NatsConnection): Promise<Owner> {
  const { remoteOwner } = await import('./ownership/remote.ts')
  return remoteOwner(nats)
}

function announce(logger: Logger, config: Config, url: string): void {
  const { dataDir, shards, partitions, zone } = config
  const parts = {
    log: config.natsUrl ? 'jetstream' : 'lmdb',
    checkpoints: config.mongodbUrl ? 'mongodb' : 'lmdb',
    documents: config.mongodbUrl ? 'mongodb' : 'lmdb',
    liveSets: config.redisUrl ? 'redis' : 'memory',
    pusher: config.pusher ? 'sent' : 'recorded',
    firebase: config.firebase ? 'sent' : 'recorded',
  }
  logger.info({ url, node: process.version, dataDir, shards, partitions, zone, ...parts }, 'listening')
}

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Db } from 'mongodb'
import { type Logger, pino } from 'pino'
import { adopt } from './adoption/index.ts'
import { appender } from './bridge/append.ts'
import { Callers } from './bridge/callers.ts'
import { httpServer } from './bridge/http.ts'
import { type Bridge, Shards } from './bridge/index.ts'
import type { NatsInputs } from './bridge/nats.ts'
import { Stamp } from './bridge/stamp.ts'
import { type Standby, standBy } from './bridge/standby.ts'
import { Streamers } from './bridge/streamers.ts'
import { Subscriptions } from './bridge/subscriptions.ts'
import { type Config, recordedSettings } from './config.ts'
import { openDataDir } from './data-dir.ts'
import { type ErrorCode, RollcallError } from './errors.ts'
import { LivestreamHost } from './livestream/host.ts'
import { surviveDiskFaults } from './log/disk.ts'
import { startTrimming } from './log/trimming.ts'
import type { Lease } from './mongodb/lease.ts'
import { openOwnLog, openStores, type Places } from './places.ts'
import { changesOf } from './repair/changes.ts'
import { Shard } from './shard/supervisor.ts'

/** Requests under way at the end may take so long to be answered. */
const LAST_ANSWERS_MS = 5_000
/** A feed does not wait any longer for a shard that is away. */
const COUNTED_WITHIN_MS = 1_000

export interface Rollcall {
  url: string
  shards: readonly Shard[]
  /** rejects when another process may own the partitions; all that is left is to close */
  lost: Promise<never>
  /** Takes no more, commits what it has, gives the data directory back. */
  close(): Promise<void>
}

/** The one place where implementations are chosen. Throws RollcallError if it cannot start, RC_CLOSING at the signal. */
export async function start(config: Config, signal: AbortSignal = new AbortController().signal): Promise<Rollcall> {
  // What is open is closed in the opposite order, also if the rest cannot be opened.
  await using opened = new AsyncDisposableStack()
  const logger = pino({ level: config.logLevel })
  let wasListening = false
  opened.defer(() => void (wasListening && logger.info('closed')))
  opened.defer(surviveDiskFaults(error => logger.error({ err: error }, 'disk fault')))
  const dir = config.natsUrl && config.mongodbUrl ? null : await openDataDir(config.dataDir)
  opened.defer(() => dir?.release())
  const { partitions, zone, inactivityMs, viewingGapMs, lateMs, flushMs } = config
  const settings = recordedSettings(config)
  const { natsUrl, mongodbUrl, redisUrl } = config
  const { logPath, statePath } = dir ?? { logPath: '', statePath: '' }
  const places: Places = { logPath, statePath, partitions, natsUrl, mongodbUrl, redisUrl }
  const { log, writer } = await openOwnLog(places, settings)
  opened.defer(() => log.close())
  const changed = changesOf(log.settings, settings)
  if (changed) throw new RollcallError('RC_CONFIG_CHANGED', changed)
  const stores = await openStores(places)
  opened.defer(() => stores.close())
  const { documents } = stores
  const lease = stores.db && (await ownership(stores.db, config, signal, logger))
  opened.defer(() => lease?.release())
  const adopting = await adopt({ log, store: stores.checkpoints, documents, partitions })
  if (adopting.length > 0) logger.warn({ partitions: adopting }, 'adopting documents: these have no checkpoint')

  const subscriptions = new Subscriptions(documents)
  const { groups, excludedTags, items } = config.feeds
  const host = new LivestreamHost({
    ...{ places, groups, excludedTags, items },
    isAnyoneLive: async () => (await documents.find('sessions', { filter: { active: true }, limit: 1 })).length > 0,
    async viewers() {
      const { bySession } = await shards.audience(COUNTED_WITHIN_MS)
      return new Map([...bySession].map(([id, { alive }]) => [id, alive]))
    },
    renewChannels: streamerId => subscriptions.renew(streamerId),
    failed: (step, error) => logger.error({ step, err: error }, 'livestream fault'),
    now: Date.now,
  })
  opened.defer(() => host.close())

  const rules = { zone, inactivityMs, gapMs: viewingGapMs, lateMs }
  const all = Array.from({ length: config.shards }, (_, shard) => {
    const owned = Array.from({ length: partitions }, (_, p) => p).filter(p => p % config.shards === shard)
    return new Shard({
      ...{ partitions: owned, rules, flushMs, places, writer, host },
      livestream: { groups, pusher: config.pusher, firebase: config.firebase, natsUrl },
      fault: fault => logger.error({ shard, ...fault }, 'shard fault'),
      restarting: (wait, error) => logger.error({ shard, wait, err: error }, 'shard lost'),
    })
  })
  opened.defer(async () => void (await Promise.all(all.map(shard => shard.close()))))
  const shards = new Shards(all)
  const refused = new Map<number, RollcallError>()
  const bridge = {
    config,
    callers: config.auth && new Callers(config.auth, Date.now),
    append: appender(log, partitions, refused),
    stamp: new Stamp(documents, config.streamPaths),
    documents,
    shards,
    subscriptions,
    now: Date.now,
    failed: (error: unknown) => logger.error({ err: error }, 'request failed'),
  }
  const trimming = startTrimming({
    log,
    async cuts() {
      const states = await Promise.all(all.map(shard => shard.call(remote => remote.status())))
      return new Map(states.flat().map(({ partition, cut }) => [partition, cut]))
    },
    now: Date.now,
    failed: error => logger.error({ err: error }, 'the log was not trimmed'),
  })
  opened.defer(() => trimming.close())
  const streamers = new Streamers(bridge)
  const app = httpServer({ ...bridge, streamers })
  opened.defer(async () => {
    const late = setTimeout(() => app.server.closeAllConnections(), LAST_ANSWERS_MS)
    await app.close()
    clearTimeout(late)
  })
  await Promise.all(all.map(shard => shard.ready()))
  await refuse(all, refused)
  if (natsUrl) {
    const inputs = await openNatsInputs(natsUrl, { ...bridge, streamers })
    opened.defer(() => inputs.close())
  }
  opened.defer(() => shards.stopWaiting())
  const url = await app.listen({ host: config.host, port: config.port }).catch(cause => {
    throw new RollcallError('RC_LISTEN_FAILED', cause.message, { cause })
  })
  wasListening = true
  announce(logger, config, url)
  const rest = opened.move()
  const lost = lease?.lost ?? new Promise<never>(() => {})
  return { url, shards: all, lost, close: () => rest.disposeAsync() }
}

/** What is sent for a partition whose log does not fit would be passed over later: it is not taken. */
async function refuse(shards: Shard[], refused: Map<number, RollcallError>): Promise<void> {
  const states = await Promise.all(shards.map(shard => shard.call(remote => remote.status())))
  for (const { partition, stopped } of states.flat()) {
    if (stopped) refused.set(partition, new RollcallError(stopped.code as ErrorCode, stopped.message))
  }
}

/** Waits for the right to own the partitions, and answers meanwhile that there is somebody, but not the owner. */
async function ownership(
  db: Db,
  { host, port, takeOverMs }: Config,
  signal: AbortSignal,
  logger: Logger,
): Promise<Lease> {
  const { Lease } = await import('./mongodb/lease.ts')
  let standby: Promise<Standby> | undefined
  try {
    const lease = await Lease.acquire(db, randomUUID(), signal, {
      goneMs: takeOverMs,
      monotonic: () => performance.now(),
      sleep: ms => sleep(ms, undefined, { ref: false }),
      waiting(owner) {
        standby = standBy(host, port)
        standby.then(({ port }) => logger.info({ owner, port }, 'standing by'))
      },
    })
    lease.lost.catch(error => logger.error({ err: error }, 'ownership lost'))
    return lease
  } finally {
    await standby?.then(({ end }) => end())
  }
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

async function openNatsInputs(url: string, bridge: Bridge): Promise<NatsInputs> {
  const { openInputs } = await import('./bridge/nats.ts')
  return openInputs(url, bridge)
}

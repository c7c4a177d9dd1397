import { type Logger, pino } from 'pino'
import { appender } from './bridge/append.ts'
import { httpServer } from './bridge/http.ts'
import { Shards } from './bridge/index.ts'
import { Stamp } from './bridge/stamp.ts'
import { Subscriptions } from './bridge/subscriptions.ts'
import { type Config, recordedSettings } from './config.ts'
import { openDataDir } from './data-dir.ts'
import { openDocuments } from './documents/embedded.ts'
import { RollcallError } from './errors.ts'
import { LivestreamHost } from './livestream/host.ts'
import { surviveDiskFaults } from './log/disk.ts'
import { openLog } from './log/embedded.ts'
import { Shard } from './shard/supervisor.ts'

/** Requests under way at the end may take so long to be answered. */
const LAST_ANSWERS_MS = 5_000

export interface Rollcall {
  url: string
  shards: readonly Shard[]
  /** Takes no more, commits what it has, gives the data directory back. */
  close(): Promise<void>
}

/** The one place where implementations are chosen. Throws RollcallError if it cannot start. */
export async function start(config: Config): Promise<Rollcall> {
  const logger = pino({ level: config.logLevel })
  const surviveNoMore = surviveDiskFaults(error => logger.error({ err: error }, 'disk fault'))
  const dir = await openDataDir(config.dataDir)
  const { partitions, zone, inactivityMs, viewingGapMs, lateMs, flushMs } = config
  const settings = recordedSettings(config)
  const log = await openLog(dir.logPath, partitions, settings)
  const changed = Object.entries(settings).filter(([name, value]) => log.settings[name] !== value)
  if (changed.length > 0) {
    await log.close()
    await dir.release()
    const text = changed.map(([name, value]) => `${name} was ${log.settings[name]}, is ${value}`).join('; ')
    throw new RollcallError('RC_CONFIG_CHANGED', text)
  }
  const documents = await openDocuments({ path: dir.statePath })

  const subscriptions = new Subscriptions(documents)
  const { groups, excludedTags, items } = config.feeds
  const host = new LivestreamHost({
    ...{ statePath: dir.statePath, groups, excludedTags, items },
    isAnyoneLive: async () => (await documents.find('sessions', { filter: { active: true }, limit: 1 })).length > 0,
    async viewers() {
      const { bySession } = await shards.audience()
      return new Map([...bySession].map(([id, { alive }]) => [id, alive]))
    },
    renewChannels: streamerId => subscriptions.renew(streamerId),
    failed: (step, error) => logger.error({ step, err: error }, 'livestream fault'),
    now: Date.now,
  })

  const rules = { zone, inactivityMs, gapMs: viewingGapMs, lateMs }
  const all = Array.from({ length: config.shards }, (_, shard) => {
    const owned = Array.from({ length: partitions }, (_, p) => p).filter(p => p % config.shards === shard)
    const { logPath, statePath } = dir
    return new Shard({
      ...{ partitions: owned, partitionCount: partitions, rules, flushMs, logPath, statePath, log, host },
      livestream: { groups, pusher: config.pusher, firebase: config.firebase },
      fault: fault => logger.error({ shard, ...fault }, 'shard fault'),
      restarting: (wait, error) => logger.error({ shard, wait, err: error }, 'shard lost'),
    })
  })
  const shards = new Shards(all)
  const app = httpServer({
    config,
    append: appender(log, partitions),
    stamp: new Stamp(documents, config.streamPaths),
    documents,
    shards,
    subscriptions,
    now: Date.now,
    failed: error => logger.error({ err: error }, 'request failed'),
  })
  const close = async (): Promise<void> => {
    shards.stopWaiting()
    const late = setTimeout(() => app.server.closeAllConnections(), LAST_ANSWERS_MS)
    await app.close()
    clearTimeout(late)
    await Promise.all(all.map(shard => shard.close()))
    await host.close()
    await documents.close()
    await log.close()
    await dir.release()
    surviveNoMore()
    logger.info('closed')
  }
  try {
    await Promise.all(all.map(shard => shard.ready()))
    const url = await app.listen({ host: config.host, port: config.port })
    announce(logger, config, url)
    return { url, shards: all, close }
  } catch (error) {
    await close()
    if (!(error instanceof Error && 'syscall' in error)) throw error
    throw new RollcallError('RC_LISTEN_FAILED', error.message, { cause: error })
  }
}

function announce(logger: Logger, config: Config, url: string): void {
  const { dataDir, shards, partitions, zone } = config
  const parts = {
    log: 'lmdb',
    checkpoints: 'lmdb',
    documents: 'lmdb',
    liveSets: 'memory',
    pusher: config.pusher ? 'sent' : 'recorded',
    firebase: config.firebase ? 'sent' : 'recorded',
  }
  logger.info({ url, node: process.version, dataDir, shards, partitions, zone, ...parts }, 'listening')
}

import type { Logger } from 'pino'
import { Doors } from './bridge/doors/index.ts'
import { underWay } from './bridge/under-way.ts'
import { type Config, recordedSettings } from './config.ts'
import { surviveDiskFaults } from './lmdb/disk.ts'
import { rulesOf } from './log/recorded.ts'
import { Exposition } from './observe/exposition.ts'
import type { KnownHolder } from './observe/holder.ts'
import type { Faults } from './observe/index.ts'
import { openLog } from './observe/log.ts'
import { Servers } from './observe/servers.ts'
import { sendLast } from './observe/traces.ts'
import { type Shown, tellWork, type Work, Works } from './observe/work.ts'
import { Candidacy } from './ownership/candidacy.ts'
import { type OwnerDirectory, openDirectory } from './ownership/directory.ts'
import { type Links, openLinks } from './ownership/link.ts'
import { peek } from './ownership/peek.ts'
import { Standing } from './ownership/standing.ts'
import { Tenure } from './ownership/tenure.ts'
import { PastReader } from './past/reader.ts'
import type { Shard } from './shard/supervisor.ts'
import { type OwnStores, openOwnStores, openProbes } from './stores.ts'
import { SteadyTime, systemTime } from './time.ts'

const time = new SteadyTime(systemTime)

export interface Rollcall {
  url: string
  /** none while another process owns the partitions */
  readonly shards: readonly Shard[]
  /** rejects when another process may own the partitions, or they cannot be had; all that is left is to close */
  lost: Promise<never>
  /** Takes no more, commits what it has, gives the data directory back. */
  close(): Promise<void>
}

/** How often long work is told of in the log. */
const LINE_MS = 5_000

const close = (part: { close(): void | Promise<void> }): void | Promise<void> => part.close()

/**
 * Puts a process together: opens a bridge, and the partitions with it as soon as no other process owns them. Resolves
 * when they are claimed or another process owns them, and listens long before. Throws RollcallError if it cannot start,
 * RC_CLOSING at the signal. `shown` hears of long work, which else is lines of the log.
 */
export async function start(
  config: Config,
  signal: AbortSignal = new AbortController().signal,
  shown?: Shown,
): Promise<Rollcall> {
  // Parts are closed in the opposite order in which they were opened, also if the rest cannot be opened.
  await using opened = new AsyncDisposableStack()
  const logger = await openLog(config.logLevel, shown?.log)
  const servers = new Servers({ logger, time })
  const faults: Faults = { report: (step, error) => servers.fault(error, { step, err: error }, `${step} failed`) }
  let wasListening = false
  opened.defer(() => void (wasListening && logger.info('closed')))
  opened.defer(() => sendLast(time, faults))
  opened.defer(surviveDiskFaults(faults))

  const exposition = new Exposition({ time, faults })
  const { meter } = exposition
  const stores = opened.adopt(await openOwnStores(config, recordedSettings(config), faults, undefined, meter), close)
  const links = opened.adopt(await openLinks(config.natsUrl, stores.db !== null), close)
  const { probes } = opened.adopt(await openProbes(config, stores), close)
  opened.defer(servers.watch(probes))
  exposition.add(() => servers.readings)
  const { partitions } = config
  const { log, known, applied } = stores
  const directory = await openDirectory(links, {
    ...{ partitions, log, known, applied, time, faults },
    heed: now => time.heed(now),
  })
  const rules = rulesOf(log.settings, config)
  const pasts = opened.adopt(new PastReader({ places: stores.places, rules, log, time, faults }), close)
  const works = new Works(time)
  const seen = { directory, pasts, works, exposition, servers, time, faults, logger }
  const bridge = opened.adopt(new Doors({ settings: config, stores, ...seen }), close)
  // Before anything is accepted it is known which partitions cannot take it.
  directory.learn(await peek(stores.checkpoints, log, partitions))
  const { url, drain } = await bridge.listen(links, config)
  wasListening = true
  announce(logger, config, url)
  // The first look at embedded documents loads what finds them, for which the first requests would be held up.
  if (!stores.db) await stores.documents.find('users', { limit: 1 })
  const parts = { config, stores, links, directory, bridge, works, servers, faults, logger }
  const standing = new Standing({
    stand: () => stand(parts, signal),
    isOfUseBeside: links.ownerLink !== null,
    lost: () => directory.passTo(null),
    time,
  })
  exposition.add(() => (directory.isOwn ? standing.current.tenure?.owner.readings() : undefined) ?? [])
  opened.adopt(standing, close)
  opened.adopt(directory.watch(), close)
  const look = () => underWay({ works, directory })
  const { tell, everyMs } = shown ?? { tell: logged(logger), everyMs: LINE_MS }
  opened.defer(() => shown?.tell([]))
  opened.defer(tellWork(look, tell, everyMs, time))
  opened.defer(drain)

  await standing.decided
  const rest = opened.move()
  return {
    url,
    get shards() {
      return standing.current.tenure?.owner.all ?? []
    },
    lost: standing.lost,
    close: () => rest.disposeAsync(),
  }
}

interface Parts {
  config: Config
  stores: OwnStores
  links: Links
  directory: OwnerDirectory
  bridge: Doors
  works: Works
  servers: Servers
  faults: Faults
  logger: Logger
}

/** Stands for the partitions; a tenure answers this bridge from its beginning on. */
function stand(
  { config, stores, links, directory, bridge, works, servers, faults, logger }: Parts,
  signal: AbortSignal,
): Candidacy {
  const begin = async (): Promise<Tenure> => {
    const tenure = await Tenure.begin({
      ...{ settings: config, stores, links, works, time, servers, faults, logger },
      renewChannels: streamerId => bridge.subscriptions.renew(streamerId),
      stopped: state => directory.learn([state]),
    })
    directory.passTo(tenure.owner)
    directory.learn(await peek(stores.checkpoints, stores.log, config.partitions, true))
    await directory.look()
    return tenure
  }
  const { db, holder } = stores
  const lag = async (): Promise<number | null> => {
    await directory.look()
    return directory.lag
  }
  const options = {
    ...{ db, holder, isOfUseBeside: links.ownerLink !== null, takeOverMs: config.takeOverMs, begin, lag },
    heldBy: (holder: KnownHolder | null) => directory.heldBy(holder),
    ...{ time, faults, logger },
  }
  return new Candidacy(options, signal)
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
    callers: config.auth ? 'by token' : 'all may do everything',
  }
  logger.info({ url, node: process.version, dataDir, shards, partitions, zone, ...parts }, 'listening')
}

/** Long work as lines of the log, one when it has ended too. */
function logged(logger: Logger): (all: Work[]) => void {
  let former: Work[] = []
  const line = ({ name, ...far }: Work) => ({ work: name, ...far })
  return all => {
    for (const each of all) logger.info(line(each), 'under way')
    for (const each of former) if (!all.some(({ name }) => name === each.name)) logger.info(line(each), 'done')
    former = all
  }
}

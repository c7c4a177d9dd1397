import type { NatsConnection } from '@nats-io/transport-node'
import type { Logger } from 'pino'
import { RollcallError } from '../errors.ts'
import { FeedWorker } from '../feeds/generator.ts'
import type { FeedGroup } from '../feeds/groups.ts'
import { currentOf, dayRulesOf, rulesOf } from '../log/recorded.ts'
import { startTrimming } from '../log/trimming.ts'
import type { FirebaseSettings } from '../notify/firebase.ts'
import type { PusherSettings } from '../notify/pusher.ts'
import { StatisticsTeller } from '../notify/tell-statistics.ts'
import type { Faults } from '../observe/index.ts'
import type { Servers } from '../observe/servers.ts'
import type { Works } from '../observe/work.ts'
import type { Host } from '../receivers/index.ts'
import { Shard } from '../shard/supervisor.ts'
import type { OwnStores } from '../stores.ts'
import type { Time } from '../time.ts'
import { adopt } from './adopt.ts'
import type { PartitionState } from './index.ts'
import type { Links } from './link.ts'
import { LocalOwner } from './local.ts'

/** A feed does not wait any longer for a shard that is away. */
const COUNTED_WITHIN_MS = 1_000

/** The settings of an owner; times in ms. */
export interface TenureSettings {
  shards: number
  partitions: number
  zone: string
  inactivityMs: number
  viewingGapMs: number
  viewingWriteMs: number
  lateMs: number
  flushMs: number
  /** kinds of actor whose snapshots are documents */
  snapshots: readonly string[]
  natsUrl: string | null
  tellUpdates: boolean
  feeds: { groups: readonly FeedGroup[]; excludedTags: readonly string[]; items: number }
  pusher: PusherSettings | null
  firebase: FirebaseSettings | null
}

export interface TenureOptions {
  settings: TenureSettings
  stores: OwnStores
  links: Pick<Links, 'nats' | 'ownerLink'>
  /** Finds out anew who may subscribe to a streamer's channels. */
  renewChannels(streamerId: string): Promise<void>
  /** hears at once of what went wrong with a partition */
  stopped(state: PartitionState): void
  /** hear of long work of the process */
  works: Works
  time: Time
  servers: Servers
  faults: Faults
  logger: Logger
}

/** The work of a process as long as it owns the partitions: shards, feeds, trimming, answers for other bridges. */
export class Tenure {
  readonly owner: LocalOwner
  /** rejects when another process has claimed a partition */
  readonly lost: Promise<never>
  readonly #options: TenureOptions
  readonly #parts = new AsyncDisposableStack()

  private constructor(options: TenureOptions) {
    this.#options = options
    const { stores, renewChannels, time, faults } = options
    const feeds = this.#parts.adopt(this.#feeds(), each => each.close())
    const host = { generateFeed: (feed: string, n: number) => feeds.generateFeed(feed, n), renewChannels }
    const fenced = Promise.withResolvers<never>()
    this.lost = fenced.promise
    this.lost.catch(() => {})
    stores.writer?.lost.catch(fenced.reject)
    const all = this.#shards(host, fenced.reject)
    this.#parts.defer(async () => void (await Promise.all(all.map(shard => shard.close()))))
    this.owner = new LocalOwner(all, time)
    const trimming = startTrimming({
      log: stores.log,
      async cuts() {
        const states = await Promise.all(all.map(shard => shard.call(remote => remote.status())))
        return new Map(states.flat().map(({ partition, cut }) => [partition, cut]))
      },
      ...{ keeper: stores.keeper, time, faults },
    })
    this.#parts.defer(() => trimming.close())
  }

  #feeds(): FeedWorker {
    const { settings, stores, time, faults } = this.#options
    const { places, documents } = stores
    return new FeedWorker({
      ...{ places, ...settings.feeds },
      isAnyoneLive: async () => (await documents.find('sessions', { filter: { active: true }, limit: 1 })).length > 0,
      viewers: async () => {
        const { bySession } = await this.owner.audience(COUNTED_WITHIN_MS)
        return new Map(bySession.map(([id, { alive }]) => [id, alive]))
      },
      ...{ time, faults },
    })
  }

  #shards(host: Host, lose: (error: RollcallError) => void): Shard[] {
    const { settings, stores, stopped, servers, time } = this.#options
    const { places, writer } = stores
    const { shards, partitions, flushMs } = settings
    const rules = rulesOf(stores.log.settings, settings)
    const { snapshots, feeds, pusher, firebase, natsUrl, tellUpdates } = settings
    return Array.from({ length: shards }, (_, shard) => {
      const owned = Array.from({ length: partitions }, (_, p) => p).filter(p => p % shards === shard)
      return new Shard({
        ...{ partitions: owned, rules, snapshots, flushMs, places, writer, host, time },
        receivers: { groups: feeds.groups, pusher, firebase, natsUrl, tellUpdates },
        fault({ silent, ...fault }) {
          servers.fault(fault.error, { shard, ...fault }, 'shard fault', silent)
          const { code, message } = fault.error
          if (code && fault.partition >= 0) stopped({ partition: fault.partition, stopped: { code, message } })
          if (code === 'RC_FENCED') lose(new RollcallError(code))
        },
        restarting: (wait, error) => servers.fault(error, { shard, wait, err: error }, 'shard lost'),
      })
    })
  }

  /** To be called by who may own the partitions, and nobody else. */
  static async begin(options: TenureOptions): Promise<Tenure> {
    const { stores, settings, works, time, logger } = options
    const { log, checkpoints: store, documents } = stores
    const rules = log.changed ? dayRulesOf(currentOf(log), settings) : undefined
    const { keep } = stores.keeper
    const { partitions } = settings
    const adopting = await adopt({ log, store, documents, partitions, rules, works, time, keep })
    if (adopting.length > 0) logger.warn({ partitions: adopting }, 'adopting documents: these have no checkpoint')
    return new Tenure(options)
  }

  /** Resolves when all partitions are claimed, and other processes are answered; RC_SHARD_LOST if a shard never starts. */
  async ready(): Promise<void> {
    const { nats, ownerLink } = this.#options.links
    if (ownerLink) await this.#answer(ownerLink)
    await Promise.all(this.owner.all.map(shard => shard.ready()))
    if (nats) await this.#tellStatistics(nats)
  }

  /** Answers other processes, which are told how far the partitions are while these are claimed. */
  async #answer(ownerLink: NatsConnection): Promise<void> {
    const { time, faults } = this.#options
    const { answering } = await import('./responder.ts')
    const answers = answering(ownerLink, this.owner, { time, faults })
    this.#parts.defer(() => answers.close())
    await ownerLink.flush().catch(error => faults.report('link to other processes', error))
  }

  async #tellStatistics(nats: NatsConnection): Promise<void> {
    const { stores, settings, time, faults } = this.#options
    const { natsOutputs } = await import('../notify/nats-outputs.ts')
    const outputs = natsOutputs(nats, time)
    const teller = new StatisticsTeller({ documents: stores.documents, outputs, lateMs: settings.lateMs, time, faults })
    teller.start()
    this.#parts.defer(() => teller.close())
  }

  close(): Promise<void> {
    return this.#parts.disposeAsync()
  }
}

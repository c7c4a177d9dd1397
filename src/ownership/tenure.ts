import type { NatsConnection } from '@nats-io/transport-node'
import type { Logger } from 'pino'
import type { CheckpointStore } from '../checkpoint/index.ts'
import type { DocumentStore } from '../documents/index.ts'
import { RollcallError } from '../errors.ts'
import { FeedWorker } from '../feeds/generator.ts'
import type { FeedGroup } from '../feeds/groups.ts'
import type { EmbeddedLog } from '../log/embedded/writer.ts'
import { startTrimming } from '../log/trimming.ts'
import type { FirebaseSettings } from '../notify/firebase.ts'
import type { PusherSettings } from '../notify/pusher.ts'
import { StatisticsTeller } from '../notify/tell-statistics.ts'
import { Shard } from '../shard/supervisor.ts'
import type { OwnLog, Places } from '../stores.ts'
import { systemTime } from '../time.ts'
import { adopt } from './adopt.ts'
import type { PartitionState } from './index.ts'
import { Shards } from './local.ts'

/** A feed does not wait any longer for a shard that is away. */
const COUNTED_WITHIN_MS = 1_000

/** Settings of what an owner runs; times in ms. */
export interface TenureSettings {
  shards: number
  partitions: number
  zone: string
  inactivityMs: number
  viewingGapMs: number
  lateMs: number
  flushMs: number
  natsUrl: string | null
  feeds: { groups: readonly FeedGroup[]; excludedTags: readonly string[]; items: number }
  pusher: PusherSettings | null
  firebase: FirebaseSettings | null
}

export interface TenureOptions {
  settings: TenureSettings
  places: Places
  log: OwnLog
  writer: EmbeddedLog | null
  documents: DocumentStore
  checkpoints: CheckpointStore
  /** over which other processes ask; null: there are none */
  between: NatsConnection | null
  /** on which other services hear of something; null: there are none */
  nats: NatsConnection | null
  /** Finds out anew who may subscribe to a streamer's channels. */
  renewChannels(streamerId: string): Promise<void>
  /** hears at once of what went wrong with a partition */
  stopped(state: PartitionState): void
  logger: Logger
}

/** What a process has and does as long as it owns the partitions: shards, feeds, trimming, answers for other bridges. */
export class Tenure {
  readonly owner: Shards
  /** rejects when another process has claimed a partition */
  readonly lost: Promise<never>
  readonly #options: TenureOptions
  readonly #parts = new AsyncDisposableStack()

  private constructor(options: TenureOptions) {
    this.#options = options
    const { settings, places, log, writer, documents, renewChannels, stopped, logger } = options
    const { partitions, zone, inactivityMs, viewingGapMs, lateMs, flushMs, natsUrl } = settings
    const { groups, excludedTags, items } = settings.feeds
    const feeds = new FeedWorker({
      ...{ places, groups, excludedTags, items },
      isAnyoneLive: async () => (await documents.find('sessions', { filter: { active: true }, limit: 1 })).length > 0,
      viewers: async () => {
        const { bySession } = await this.owner.audience(COUNTED_WITHIN_MS)
        return new Map(bySession.map(([id, { alive }]) => [id, alive]))
      },
      failed: (step, error) => logger.error({ step, err: error }, 'livestream fault'),
      now: Date.now,
    })
    this.#parts.defer(() => feeds.close())
    const host = { generateFeed: (feed: string, n: number) => feeds.generateFeed(feed, n), renewChannels }
    const fenced = Promise.withResolvers<never>()
    this.lost = fenced.promise
    this.lost.catch(() => {})
    const rules = { zone, inactivityMs, gapMs: viewingGapMs, lateMs }
    const all = Array.from({ length: settings.shards }, (_, shard) => {
      const owned = Array.from({ length: partitions }, (_, p) => p).filter(p => p % settings.shards === shard)
      return new Shard({
        ...{ partitions: owned, rules, flushMs, places, writer, host },
        livestream: { groups, pusher: settings.pusher, firebase: settings.firebase, natsUrl },
        fault(fault) {
          logger.error({ shard, ...fault }, 'shard fault')
          const { code, message } = fault.error
          if (code) stopped({ partition: fault.partition, stopped: { code, message } })
          if (code === 'RC_FENCED') fenced.reject(new RollcallError(code))
        },
        restarting: (wait, error) => logger.error({ shard, wait, err: error }, 'shard lost'),
      })
    })
    this.#parts.defer(async () => void (await Promise.all(all.map(shard => shard.close()))))
    this.owner = new Shards(all)
    const trimming = startTrimming({
      log,
      async cuts() {
        const states = await Promise.all(all.map(shard => shard.call(remote => remote.status())))
        return new Map(states.flat().map(({ partition, cut }) => [partition, cut]))
      },
      time: systemTime,
      faults: { report: (_, error) => logger.error({ err: error }, 'the log was not trimmed') },
    })
    this.#parts.defer(() => trimming.close())
  }

  /** To be called by who may own the partitions, and nobody else. */
  static async begin(options: TenureOptions): Promise<Tenure> {
    const { log, checkpoints: store, documents, settings, logger } = options
    const adopting = await adopt({ log, store, documents, partitions: settings.partitions, now: Date.now })
    if (adopting.length > 0) logger.warn({ partitions: adopting }, 'adopting documents: these have no checkpoint')
    return new Tenure(options)
  }

  /** Resolves when all partitions are claimed, and other processes are answered; RC_SHARD_LOST if a shard never starts. */
  async ready(): Promise<void> {
    await Promise.all(this.owner.all.map(shard => shard.ready()))
    const { between, nats, logger } = this.#options
    if (nats) await this.#tellStatistics(nats)
    if (!between) return
    const { answering } = await import('./responder.ts')
    const failed = (error: unknown): void => logger.error({ err: error }, 'request failed')
    const answers = answering(between, this.owner, failed)
    this.#parts.defer(() => answers.close())
    await between.flush().catch(failed)
  }

  async #tellStatistics(nats: NatsConnection): Promise<void> {
    const { documents, settings, logger } = this.#options
    const { natsOutputs } = await import('../notify/nats-outputs.ts')
    const failed = (error: unknown): void => logger.error({ err: error }, 'the statistics were not told')
    const options = { documents, outputs: natsOutputs(nats), lateMs: settings.lateMs, now: Date.now, failed }
    const teller = new StatisticsTeller(options).start()
    this.#parts.defer(() => teller.close())
  }

  close(): Promise<void> {
    return this.#parts.disposeAsync()
  }
}

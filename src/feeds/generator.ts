import { extname } from 'node:path'
import type { Faults } from '../observe/index.ts'
import { InTurn, oneThread } from '../one-thread.ts'
import type { StoreSettings } from '../stores.ts'
import { atMost, type Cancel, type Time } from '../time.ts'
import { type FeedGroup, feedOf } from './groups.ts'
import type { FeedGenerator, Generated } from './index.ts'
import type { Order } from './worker.ts'

export interface FeedWorkerOptions {
  places: StoreSettings
  groups: readonly FeedGroup[]
  /** tags of streamers no feed shows */
  excludedTags: readonly string[]
  /** items of a feed at most */
  items: number
  /** whether any session is active */
  isAnyoneLive(): Promise<boolean>
  /** viewers alive, by session, over all shards */
  viewers(): Promise<ReadonlyMap<string, number>>
  time: Time
  faults: Faults
}

const COUNT_EVERY_MS = 15_000
const LAST_ORDER_MS = 5_000

/** Counts viewers and generates feeds, in a thread of its own: an aggregation over thousands of sessions blocks it. */
export class FeedWorker implements FeedGenerator {
  readonly #options: FeedWorkerOptions
  readonly #cancel: Cancel
  #thread: InTurn<Order | null, number> | undefined
  #counting: Promise<void> | undefined

  constructor(options: FeedWorkerOptions) {
    this.#options = options
    this.#cancel = options.time.every(COUNT_EVERY_MS, () => {
      this.#counting ??= this.#count()
        .catch(error => options.faults.report('viewer counts', error))
        .finally(() => {
          this.#counting = undefined
        })
    })
  }

  async #count(): Promise<void> {
    if (await this.#options.isAnyoneLive()) await this.#run(null, 0)
  }

  async generateFeed(key: string, generation: number): Promise<Generated> {
    const { groups, excludedTags, items } = this.#options
    // A group that is no longer configured has no feed.
    const feed = feedOf(groups, key, excludedTags)
    return this.#run(feed && { ...feed, limit: items }, generation)
  }

  async #run(feed: Order['feed'], generation: number): Promise<Generated> {
    const { places, viewers, faults, time } = this.#options
    // With a shard away the numbers stay as they are; a feed need not wait for them.
    const counts = await viewers().catch(error => faults.report('viewer counts', error))
    const order: Order = { places, viewers: counts ?? null, at: time.now(), feed, generation }
    return { generatedAt: order.at, items: await this.#send(order) }
  }

  #send(order: Order | null): Promise<number> {
    if (!this.#thread) {
      const filename = new URL(`./worker${extname(import.meta.url)}`, import.meta.url).href
      const pool = oneThread(filename)
      pool.on('error', error => this.#options.faults.report('livestream worker', error))
      this.#thread = new InTurn(pool)
    }
    return this.#thread.run(order)
  }

  async close(): Promise<void> {
    this.#cancel()
    await this.#counting
    if (!this.#thread) return
    // A thread that is ended inside a call of LMDB takes the process with it: first it closes its store.
    await atMost(this.#options.time, LAST_ORDER_MS, this.#send(null))
    await this.#thread.end()
  }
}

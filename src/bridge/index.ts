/**
 * The bridge: the way in and out over HTTP. It validates, stamps facts, appends; a 202 means the log has it.
 * Reads come from documents, live numbers from the shards.
 */
import type { Config } from '../config.ts'
import type { DocumentStore } from '../documents/index.ts'
import { isCode, RollcallError } from '../errors.ts'
import type { AudienceCount } from '../shard/index.ts'
import type { Shard } from '../shard/supervisor.ts'
import type { Append } from './append.ts'
import type { Callers } from './callers.ts'
import type { Positions } from './positions.ts'
import type { Stamp } from './stamp.ts'
import type { Streamers } from './streamers.ts'
import type { Subscriptions } from './subscriptions.ts'

/** What the routes work with. */
export interface Bridge {
  config: Config
  /** null: dev mode, in which everybody may do everything */
  callers: Callers | null
  append: Append
  stamp: Stamp
  documents: DocumentStore
  shards: Shards
  subscriptions: Subscriptions
  streamers: Streamers
  now(): number
  /** an error whose cause no caller is told */
  failed(error: unknown): void
}

const WAIT_MS = 20_000

/** All shards as one: finds the one that owns a partition, waits for positions. */
export class Shards {
  readonly all: readonly Shard[]
  readonly #closing = Promise.withResolvers<never>()

  constructor(all: readonly Shard[]) {
    this.all = all
    this.#closing.promise.catch(() => {})
  }

  /** Whoever waits for a position is told RC_CLOSING, now and from here on. */
  stopWaiting(): void {
    this.#closing.reject(new RollcallError('RC_CLOSING'))
  }

  numberOf(partition: number): number {
    return this.all.findIndex(shard => shard.partitions.includes(partition))
  }

  of(partition: number): Shard {
    return this.all[this.numberOf(partition)]!
  }

  /** In all, and by session, over all shards: a user lives in one partition, so counts of distinct users add up. */
  async audience(withinMs?: number): Promise<{ all: AudienceCount; bySession: Map<string, AudienceCount> }> {
    const answers = await Promise.all(this.all.map(shard => shard.call(remote => remote.audience(), withinMs)))
    const bySession = new Map<string, AudienceCount>()
    for (const [stream, count] of answers.flatMap(answer => answer.bySession)) {
      bySession.set(stream, added(bySession.get(stream) ?? { alive: 0, attendance: 0 }, count))
    }
    return { all: answers.map(answer => answer.all).reduce(added), bySession }
  }

  /** Resolves when the positions are applied, committed and projected; RC_WAIT_TIMEOUT after 20 s. */
  async settled(positions: Positions): Promise<void> {
    const until = performance.now() + WAIT_MS
    const all = Promise.all([...positions].map(([partition, seq]) => this.#settled(partition, seq, until)))
    await Promise.race([all, this.#closing.promise])
  }

  async #settled(partition: number, seq: number, until: number): Promise<void> {
    for (;;) {
      const left = until - performance.now()
      if (left <= 0) throw new RollcallError('RC_WAIT_TIMEOUT')
      try {
        return await this.of(partition).call(remote => remote.settled(partition, seq, left), left)
      } catch (error) {
        // The shard comes back, and with it the position; only the time is bounded.
        if (isCode(error, 'RC_SHARD_TIMEOUT')) throw new RollcallError('RC_WAIT_TIMEOUT')
        if (!isCode(error, 'RC_SHARD_LOST')) throw error
      }
    }
  }
}

export const added = (a: AudienceCount, b: AudienceCount): AudienceCount => ({
  alive: a.alive + b.alive,
  attendance: a.attendance + b.attendance,
})

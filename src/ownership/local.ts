import { type Audience, type AudienceCount, audienceOf, sumOf } from '../audience/sum.ts'
import { newestFirst, type Waiting } from '../effects/outbox.ts'
import { RollcallError } from '../errors.ts'
import type { Seq } from '../log/index.ts'
import type { Reading } from '../observe/meter.ts'
import { joined, type List, type ListQuery } from '../partition/listing.ts'
import type { RecomputationProgress, RecomputationRequest } from '../recomputation/index.ts'
import type { ActorPlace, EffectQuery, PopulationView, Watched } from '../shard/index.ts'
import { summed } from '../shard/population.ts'
import { ShardReadings } from '../shard/readings.ts'
import type { Shard } from '../shard/supervisor.ts'
import type { Time } from '../time.ts'
import type { Owner, ParkedActor, PartitionState } from './index.ts'
import { ShardStates } from './shard-states.ts'

const STATES_MS = 1_000
/** Less than who asks for all figures waits. */
const READINGS_MS = 800

/** The owner's own process: all its shards as one. */
export class LocalOwner implements Owner {
  readonly all: readonly Shard[]
  readonly #readings: readonly ShardReadings[]
  readonly #states: readonly ShardStates[]

  constructor(all: readonly Shard[], time: Time) {
    this.all = all
    this.#states = all.map(shard => new ShardStates(shard, time))
    this.#readings = all.map((shard, number) => new ShardReadings(shard, number))
  }

  #numberOf(partition: number): number {
    const number = this.all.findIndex(shard => shard.partitions.includes(partition))
    if (number < 0) throw new RollcallError('RC_NOT_FOUND', `There is no partition ${partition}.`)
    return number
  }

  #of(partition: number): Shard {
    return this.all[this.#numberOf(partition)]!
  }

  async settled(partition: number, seq: Seq, withinMs: number): Promise<void> {
    await this.#of(partition).call(remote => remote.settled(partition, seq, withinMs), withinMs)
  }

  async audience(withinMs?: number): Promise<Audience> {
    return audienceOf(await Promise.all(this.all.map(shard => shard.call(remote => remote.audience(), withinMs))))
  }

  async audienceOf(stream: string): Promise<AudienceCount> {
    return sumOf(await Promise.all(this.all.map(shard => shard.call(remote => remote.audienceOf(stream)))))
  }

  async alive(stream: string): Promise<string[] | null> {
    const known = await Promise.all(this.all.map(shard => shard.call(remote => remote.alive(stream))))
    // A set in a thread's memory holds the users of that thread alone, a set in Redis everybody.
    return known.includes(null) ? null : [...new Set((known as string[][]).flat())].sort()
  }

  async actor(partition: number, kind: string, key: string): Promise<ActorPlace & { shard: number }> {
    const view = await this.#of(partition).call(remote => remote.actor(partition, kind, key))
    return { ...view, shard: this.#numberOf(partition) }
  }

  watch(partition: number, kind: string, key: string, after: string | null, withinMs: number): Promise<Watched> {
    return this.#of(partition).call(remote => remote.watch(partition, kind, key, after, withinMs))
  }

  async listed(query: ListQuery, limit: number): Promise<List> {
    const lists = await Promise.all(this.all.map(shard => shard.call(remote => remote.listed(query, limit))))
    return joined(lists, query, limit)
  }

  async population(kind: string): Promise<PopulationView> {
    return summed(await Promise.all(this.all.map(shard => shard.call(remote => remote.population(kind)))))
  }

  async parked(partition?: number): Promise<ParkedActor[]> {
    const asked = partition === undefined ? this.all : [this.#of(partition)]
    const lists = await Promise.all(asked.map(shard => shard.call(remote => remote.parked())))
    return lists.flat()
  }

  async effects(query: EffectQuery, limit: number): Promise<Waiting[]> {
    const lists = await Promise.all(this.all.map(shard => shard.call(remote => remote.effects(query, limit))))
    return lists.flat().sort(newestFirst).slice(0, limit)
  }

  /** Begins a recomputation in every partition, or looks at it again. */
  async recompute(request: RecomputationRequest): Promise<RecomputationProgress[]> {
    const partitions = this.all.flatMap(shard => shard.partitions.map(partition => ({ shard, partition })))
    return Promise.all(
      partitions.map(({ shard, partition }) => shard.call(remote => remote.recompute(partition, request))),
    )
  }

  /** The figures of all shards; of one that is silent as they were. */
  async readings(): Promise<Reading[]> {
    return (await Promise.all(this.#readings.map(each => each.read(READINGS_MS)))).flat()
  }

  async states(withinMs = STATES_MS): Promise<PartitionState[]> {
    return (await Promise.all(this.#states.map(each => each.read(withinMs)))).flat()
  }
}

/**
 * The owner: the one process whose shards have all partitions. This is what bridges ask of it, in the same process or
 * over NATS; everything else they do themselves.
 */

import type { Audience, AudienceCount } from '../audience/sum.ts'
import type { Waiting } from '../effects/outbox.ts'
import type { Seq } from '../log/index.ts'
import { isUnderWay } from '../observe/work.ts'
import type { List, ListQuery } from '../partition/listing.ts'
import type { ActorPlace, EffectQuery, PartitionStatus, PopulationView, ShardControl, Watched } from '../shard/index.ts'

export type ParkedActor = Awaited<ReturnType<ShardControl['parked']>>[number]

/** A partition as it is asked for; facts that are not known are left out. */
export type PartitionState = Pick<PartitionStatus, 'partition' | 'stopped'> & Partial<PartitionStatus>

/** Entries up to the ends of the log that no commit has; null where one partition does not tell its cut. */
export function lagBehind(ends: readonly Seq[], states: readonly PartitionState[]): number | null {
  if (states.some(({ cut }) => cut === undefined)) return null
  return states.reduce((lag, { partition, cut }) => lag + Math.max(0, (ends[partition] ?? 0) - cut!), 0)
}

/**
 * The states with the long work of all partitions as a whole: it has ended in none before it has in all, and where
 * nobody tells of it, it is as it was.
 */
export function carriedOn(former: readonly PartitionState[], states: readonly PartitionState[]): PartitionState[] {
  const before = new Map(former.map(({ partition, work }) => [partition, work]))
  const told = states.map(({ partition, work }) => work ?? before.get(partition)?.filter(isUnderWay) ?? [])
  const names = new Set(told.flat().map(({ name }) => name))
  return states.map(({ work, ...state }) => {
    const known = before.get(state.partition)
    if (!work) return known ? { ...state, work: known } : state
    const ended = known?.filter(({ name }) => names.has(name) && work.every(each => each.name !== name)) ?? []
    return { ...state, work: [...work, ...ended.map(each => ({ ...each, done: each.total ?? each.done }))] }
  })
}

export interface Owner {
  /** Resolves when the partition's entries up to `seq` are applied, committed and readable; RC_WAIT_TIMEOUT. */
  settled(partition: number, seq: Seq, withinMs: number): Promise<void>
  /** In all, and on every stream with a beat in the last 24 h. */
  audience(): Promise<Audience>
  audienceOf(stream: string): Promise<AudienceCount>
  /** Users alive on a stream, as of the last commits; null while that is not known. */
  alive(stream: string): Promise<string[] | null>
  actor(partition: number, kind: string, key: string): Promise<ActorPlace & { shard: number }>
  /** See `ShardControl`; answers within `withinMs`, of which there are 10 s at most. */
  watch(partition: number, kind: string, key: string, after: string | null, withinMs: number): Promise<Watched>
  listed(query: ListQuery, limit: number): Promise<List>
  population(kind: string): Promise<PopulationView>
  /** In one partition, or in all. */
  parked(partition?: number): Promise<ParkedActor[]>
  /** Effects that are not done, newest first, no more than asked for. */
  effects(query: EffectQuery, limit: number): Promise<Waiting[]>
  /** Says of every partition whether it goes on; the partitions of a shard that is silent do not. */
  states(): Promise<PartitionState[]>
}

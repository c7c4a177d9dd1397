import { actorId } from '../../actors/index.ts'
import { aliveSince } from '../audience/alive.ts'
import type { LiveSets } from '../audience/index.ts'
import { audienceOf, sumOf } from '../audience/sum.ts'
import { newestFirst } from '../effects/outbox.ts'
import { RollcallError } from '../errors.ts'
import type { EventLog, Seq } from '../log/index.ts'
import type { Faults } from '../observe/index.ts'
import type { Reading } from '../observe/meter.ts'
import type { Works } from '../observe/work.ts'
import { joined, type List, Listing } from '../partition/listing.ts'
import type { Partition } from '../partition/partition.ts'
import type { Processor } from '../partition/processor.ts'
import type { Time } from '../time.ts'
import type { PartitionStatus, ShardControl } from './index.ts'
import { measured } from './measured.ts'
import { summed } from './population.ts'
import { Watching } from './watching.ts'

export interface ControlOptions {
  /** all that the shard is to own */
  partitions: readonly number[]
  /** those that it has claimed so far */
  processors: ReadonlyMap<number, Processor>
  /** partitions the shard could not take over, and why */
  refused: ReadonlyMap<number, RollcallError>
  /** by partition, what is under way in it */
  works: ReadonlyMap<number, Works>
  live: LiveSets<null>
  log: Pick<EventLog, 'bounds'>
  owner: string
  /** the metrics of the thread itself */
  ofThread(): readonly Reading[]
  time: Time
  /** of no partition */
  faults: Faults
}

/** A thread that follows one that died is waited for so long; whoever comes while more is replayed is to come again. */
const SHORT_MS = 1_000
const LOOK_MS = 20

/** Answers for the partitions of one shard, from before they are claimed on. */
export function control(
  { partitions, processors, refused, works, live, log, owner, ofThread, time, faults }: ControlOptions,
  { claimed, recompute, drain }: Pick<ShardControl, 'claimed' | 'recompute' | 'drain'>,
): ShardControl {
  const watching = new Watching(time, faults)
  const listing = new Listing(time)
  const ends = new Map<number, Seq>()
  const stoppedOf = (partition: number): RollcallError | undefined => {
    const processor = processors.get(partition)
    if (!processor) return refused.get(partition) ?? new RollcallError('RC_NOT_READY')
    const isReplaying = processor.partition.applied < processor.replayUntil
    return processor.stopped ?? (isReplaying ? new RollcallError('RC_NOT_READY') : undefined)
  }

  /** The partitions, once they show what was in the log at their claim; the sum of all but one would pass for the whole. */
  const ready = async (asked: readonly number[]): Promise<Partition[]> => {
    const until = time.monotonic() + SHORT_MS
    for (;;) {
      const stops = asked.map(stoppedOf).filter(stopped => stopped !== undefined)
      if (stops.length === 0) return asked.map(partition => processors.get(partition)!.partition)
      const final = stops.find(({ code }) => code !== 'RC_NOT_READY')
      if (final || time.monotonic() >= until) throw final ?? stops[0]
      await time.sleep(LOOK_MS)
    }
  }
  const readyOne = async (partition: number): Promise<Partition> => (await ready([own(partition)]))[0]!
  const own = (partition: number): number => {
    if (partitions.includes(partition)) return partition
    throw new RollcallError('RC_INTERNAL', `Partition ${partition} is elsewhere.`)
  }

  const statusOf = (partition: number): PartitionStatus => {
    const processor = processors.get(partition)
    const stopped = stoppedOf(partition)
    const now = time.now()
    const { waiting = 0, parked = 0, oldest } = processor?.partition.outbox.standing ?? {}
    return {
      partition,
      epoch: processor?.partition.claim.epoch ?? 0,
      applied: processor?.partition.applied ?? 0,
      cut: processor?.partition.claim.cut ?? 0,
      committedAt: processor?.committer.lastAt || null,
      effects: { waiting, parked, oldestMs: oldest === undefined ? null : Math.max(0, now - oldest) },
      parked: processor?.partition.parking.count ?? 0,
      webSessions: processor?.partition.begun.count(now) ?? 0,
      now,
      replayUntil: processor?.replayUntil ?? 0,
      stopped: stopped ? { code: stopped.code, message: stopped.message } : null,
      full: processor?.partition.parking.full ?? [],
      work: works.get(partition)?.list ?? [],
    }
  }

  return {
    claimed,

    async settled(partition, seq, withinMs) {
      const stopped = stoppedOf(own(partition))
      const processor = processors.get(partition)
      if (!processor || (stopped && stopped.code !== 'RC_NOT_READY')) throw stopped
      await processor.committer.settled(seq, withinMs)
    },

    async audience() {
      const all = await ready(partitions)
      const now = time.now()
      return audienceOf(all.map(({ counters }) => counters.audience(now)))
    },

    async audienceOf(stream) {
      const all = await ready(partitions)
      const now = time.now()
      const counts = all.map(async partition => ({
        alive: partition.counters.alive(now, stream),
        attendance: await partition.attendanceOf(stream),
      }))
      return sumOf(await Promise.all(counts))
    },

    alive: stream => live.alive(aliveSince(time.now()), stream),

    async actor(partition, kind, key) {
      const one = await readyOne(partition)
      const snapshot = await one.view(kind, key)
      const { claim, residents, applied: seq, tap } = one
      const [id, { owner: name, epoch, cut }] = [actorId(kind, key), claim]
      const place = { owner: name, epoch, cut, isAwake: residents.has(id), edge: tap?.find(id)?.edge ?? null }
      return { kind, key, partition, seq, snapshot, ...place }
    },

    async watch(partition, kind, key, after, withinMs) {
      const one = await readyOne(partition)
      if (!one.kinds.has(kind)) throw new RollcallError('RC_NOT_FOUND')
      return watching.watch(one, kind, key, after, withinMs)
    },

    async listed(query, limit) {
      const lists: List[] = []
      // Partitions come one after the other, so that no more is in memory than is answered.
      for (const partition of await ready(partitions)) {
        lists.push(await listing.of(partition, query, limit))
        await time.turn()
      }
      return joined(lists, query, limit)
    },

    async population(kind) {
      const all = await ready(partitions)
      const views = all.map(partition => {
        if (!partition.kinds.has(kind)) throw new RollcallError('RC_NOT_FOUND')
        const states = partition.population.of(kind)
        if (!states) throw new RollcallError('RC_NOT_READY', 'The actors are being counted for the first time.')
        return { states, ...watching.tapOf(partition).counts(kind) }
      })
      return summed(views)
    },

    async parked() {
      return [...processors.values()].flatMap(({ partition: { claim, parking } }) =>
        parking.list().map(parked => ({ partition: claim.partition, ...parked })),
      )
    },

    async effects({ actor, state, before }, limit) {
      const all = [...processors.values()].flatMap(({ partition }) => partition.outbox.list())
      const asked = all.filter(each => (actor ?? each.actor) === each.actor && (state ?? each.state) === each.state)
      const later = before ? asked.filter(each => newestFirst(before, each) < 0) : asked
      return later.sort(newestFirst).slice(0, limit)
    },

    status: async () => partitions.map(statusOf),

    measured: async () => ({ run: owner, readings: await measured(processors, ofThread(), { log, time, ends }) }),

    async recompute(partition, request) {
      await readyOne(partition)
      return recompute(partition, request)
    },

    // In a worker thread `exit` ends the thread, between two turns; `terminate()` could hit it inside a call of LMDB.
    crash: async () => process.exit(1),

    drain,
  }
}

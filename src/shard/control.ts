import { aliveSince } from '../audience/alive.ts'
import type { LiveSets } from '../audience/index.ts'
import { audienceOf, sumOf } from '../audience/sum.ts'
import { RollcallError } from '../errors.ts'
import type { Processor } from '../partition/processor.ts'
import type { Time } from '../time.ts'
import type { ShardControl } from './index.ts'

export interface ControlOptions {
  processors: ReadonlyMap<number, Processor>
  /** partitions the shard could not take over, and why */
  refused: ReadonlyMap<number, RollcallError>
  live: LiveSets<null>
  time: Time
}

/** Answers for the partitions of one shard; `drained` hears of its end. */
export function control({ processors, refused, live, time }: ControlOptions, drained: () => void): ShardControl {
  const owned = (partition: number): Processor => {
    const processor = processors.get(partition)
    const stopped = processor ? processor.stopped : refused.get(partition)
    if (!processor || stopped) throw stopped ?? new RollcallError('RC_INTERNAL', `Partition ${partition} is elsewhere.`)
    return processor
  }
  const partitions = () => [...processors.values()].map(({ partition }) => partition)
  // The sum of all but one would pass for the whole.
  const allPartitions = () => {
    const [refusal] = refused.values()
    const stopped = refusal ?? [...processors.values()].find(({ stopped }) => stopped)?.stopped
    if (stopped) throw stopped
    return partitions()
  }

  return {
    settled: async (partition, seq, withinMs) => owned(partition).committer.settled(seq, withinMs),

    async audience() {
      const now = time.now()
      return audienceOf(allPartitions().map(({ counters }) => counters.audience(now)))
    },

    async audienceOf(stream) {
      const now = time.now()
      const counts = allPartitions().map(async partition => ({
        alive: partition.counters.alive(now, stream),
        attendance: await partition.attendanceOf(stream),
      }))
      return sumOf(await Promise.all(counts))
    },

    alive: stream => live.alive(aliveSince(time.now()), stream),

    async actor(partition, kind, key) {
      const { partition: owner } = owned(partition)
      const snapshot = await owner.view(kind, key)
      return { kind, key, partition, seq: owner.applied, snapshot }
    },

    async parked() {
      return partitions().flatMap(({ claim, parking }) =>
        parking.list().map(parked => ({ partition: claim.partition, ...parked })),
      )
    },

    async effects({ actor, state }, limit) {
      const all = partitions().flatMap(({ outbox }) => outbox.list())
      const asked = all.filter(each => (actor ?? each.actor) === each.actor && (state ?? each.state) === each.state)
      return asked.sort((a, b) => b.at - a.at).slice(0, limit)
    },

    async status() {
      const now = time.now()
      const refusals = [...refused].map(([partition, error]) => ({
        ...{ partition, epoch: 0, applied: 0, cut: 0, outbox: 0, now },
        stopped: { code: error.code, message: error.message },
        full: [],
      }))
      const states = [...processors.values()].map(({ partition, stopped }) => ({
        partition: partition.claim.partition,
        epoch: partition.claim.epoch,
        applied: partition.applied,
        cut: partition.claim.cut,
        outbox: partition.outbox.size,
        now,
        stopped: stopped ? { code: stopped.code, message: stopped.message } : null,
        full: partition.parking.full,
      }))
      return [...refusals, ...states]
    },

    // In a worker thread `exit` ends the thread, between two turns; `terminate()` could hit it inside a call of LMDB.
    crash: async () => process.exit(1),

    async drain() {
      await Promise.all([...processors.values()].map(processor => processor.drain()))
      drained()
    },
  }
}

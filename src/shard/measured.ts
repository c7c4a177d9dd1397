import type { EventLog, Seq } from '../log/index.ts'
import { gauge, labelled, type Reading, summed } from '../observe/meter.ts'
import type { Processor } from '../partition/processor.ts'
import { type Time, within } from '../time.ts'

/** The end of a log that gives no answer is taken to be where it was. */
const LOG_MS = 500

interface Standing {
  log: Pick<EventLog, 'bounds'>
  time: Time
  /** the end of each partition's log, as far as it was seen */
  ends: Map<number, Seq>
}

/** What the partitions of a thread have done since they were claimed, and how they stand. */
export async function measured(
  processors: ReadonlyMap<number, Processor>,
  own: readonly Reading[],
  standing: Standing,
): Promise<Reading[]> {
  const all = [...processors].map(async ([number, processor]) => {
    const { meter } = processor.partition
    return labelled([...meter.read(), ...(await gauges(processor, standing))], { partition: String(number) })
  })
  return summed([...own, ...(await Promise.all(all)).flat()])
}

async function gauges({ partition, committer, replayUntil }: Processor, standing: Standing): Promise<Reading[]> {
  const { time } = standing
  const { claim, applied, outbox, parking, residents, counters } = partition
  const end = await endOf(claim.partition, applied, standing)
  const effects = outbox.standing
  const now = time.now()
  return [
    gauge('rollcall_partition_epoch', claim.epoch),
    gauge('rollcall_partition_lag_entries', end - applied, { stage: 'apply' }),
    gauge('rollcall_partition_lag_entries', Math.max(0, applied - claim.cut), { stage: 'commit' }),
    gauge('rollcall_partition_replay_entries', Math.max(0, replayUntil - applied)),
    ...(committer.lastAt > 0 ? [gauge('rollcall_last_commit_timestamp_seconds', committer.lastAt / 1_000)] : []),
    ...[...residents.counts].map(([kind, count]) => gauge('rollcall_actors_resident', count, { kind })),
    gauge('rollcall_actors_resident_bytes', residents.bytes),
    gauge('rollcall_actors_dirty', residents.dirty),
    gauge('rollcall_effects_waiting', effects.waiting),
    gauge('rollcall_outbox_oldest_seconds', Math.max(0, now - (effects.oldest ?? now)) / 1_000),
    gauge('rollcall_parked', effects.parked, { kind: 'effect' }),
    gauge('rollcall_parked', parking.count, { kind: 'event' }),
    { name: 'rollcall_beats_late_total', labels: {}, value: counters.late },
  ]
}

async function endOf(partition: number, applied: Seq, { log, time, ends }: Standing): Promise<Seq> {
  const late = (): Error => new Error('the log gives no answer')
  const known = Math.max(applied, ends.get(partition) ?? 0)
  const last = await within(time, LOG_MS, log.bounds(partition), late).then(
    bounds => bounds.last,
    () => known,
  )
  const end = Math.max(known, last)
  ends.set(partition, end)
  return end
}

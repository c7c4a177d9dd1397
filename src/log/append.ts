import type { Event } from '../../actors/event.ts'
import type { EventLog, Events, Seq } from './index.ts'
import { partitionOf, partitionOfHash } from './partition-of.ts'
import { Positions } from './positions.ts'
import { Columns, Rows } from './rows.ts'

export type Append = (events: Event[] | Columns) => Promise<Positions>

/**
 * Hands events to the partitions of their keys; resolves with their positions once the log has them durably. Rejects
 * with why events are not taken, if `refusalOf` says so of those of one partition.
 */
export function appender(
  log: EventLog,
  partitions: number,
  refusalOf?: (partition: number, events: Iterable<Event>) => Error | undefined,
): Append {
  return async events => {
    const groups = grouped(events, partitions)
    for (const [partition, group] of groups) {
      const refusal = refusalOf?.(partition, group)
      if (refusal) throw refusal
    }
    const positions = new Positions()
    const append = async ([partition, group]: [number, Events]): Promise<[number, Seq]> => [
      partition,
      await log.append(partition, group),
    ]
    for (const [partition, seq] of await Promise.all([...groups].map(append))) positions.add(partition, seq)
    return positions
  }
}

/** By partition; those of one in their order. */
function grouped(events: Event[] | Columns, partitions: number): Map<number, Events> {
  if (!(events instanceof Columns)) return Map.groupBy(events, event => partitionOf(event.key, partitions))
  const groups = new Map<number, Rows>()
  for (let row = 0; row < events.length; row++) {
    const partition = partitionOfHash(events.hash(row), partitions)
    const group = groups.get(partition) ?? new Rows(events)
    if (group.length === 0) groups.set(partition, group)
    group.rows.push(row)
  }
  return groups
}

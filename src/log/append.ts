import type { Event } from '../../actors/event.ts'
import type { EventLog } from './index.ts'
import { partitionOf } from './partition-of.ts'
import { Positions } from './positions.ts'

export type Append = (events: Event[]) => Promise<Positions>

/**
 * Hands events to the partitions of their keys; resolves with their positions once the log has them durably. Rejects
 * with why events are not taken, if `refusalOf` says so of those of one partition.
 */
export function appender(
  log: EventLog,
  partitions: number,
  refusalOf?: (partition: number, events: readonly Event[]) => Error | undefined,
): Append {
  const take = (partition: number, events: readonly Event[]): void => {
    const refusal = refusalOf?.(partition, events)
    if (refusal) throw refusal
  }
  return async events => {
    const positions = new Positions()
    if (events.length === 1) {
      const partition = partitionOf(events[0]!.key, partitions)
      take(partition, events)
      positions.add(partition, await log.append(partition, events))
      return positions
    }
    const groups = Map.groupBy(events, event => partitionOf(event.key, partitions))
    for (const [partition, group] of groups) take(partition, group)
    await Promise.all(
      [...groups].map(async ([partition, group]) => positions.add(partition, await log.append(partition, group))),
    )
    return positions
  }
}

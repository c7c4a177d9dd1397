import type { Event } from '../../actors/event.ts'
import type { EventLog } from '../log/index.ts'
import { Positions } from './positions.ts'

/** `fnv1a32(utf8(key)) % partitions`, as NATS' `partition()` computes it. */
export function partitionOf(key: string, partitions: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    if (unit > 0x7f) return fnv1a(Buffer.from(key)) % partitions
    hash = Math.imul(hash ^ unit, 0x01000193)
  }
  return (hash >>> 0) % partitions
}

function fnv1a(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

export type Append = (events: Event[]) => Promise<Positions>

/** Hands events to the partitions of their keys; resolves with their positions once the log has them durably. */
export function appender(log: EventLog, partitions: number): Append {
  return async events => {
    const positions = new Positions()
    if (events.length === 1) {
      const partition = partitionOf(events[0]!.key, partitions)
      positions.add(partition, await log.append(partition, events))
      return positions
    }
    const groups = Map.groupBy(events, event => partitionOf(event.key, partitions))
    await Promise.all(
      [...groups].map(async ([partition, group]) => positions.add(partition, await log.append(partition, group))),
    )
    return positions
  }
}

import type { Event } from '../../actors/event.ts'
import { inNextSpan, isKept } from '../observe/traces.ts'
import { KIND } from './beats.ts'
import type { EventLog, Events, Seq } from './index.ts'
import { partitionOf, partitionOfHash } from './partition-of.ts'
import { Positions } from './positions.ts'
import { Columns, Rows } from './rows.ts'

/** `traceparent` is of the request they came with. */
export type Append = (events: Event[] | Columns, traceparent?: string) => Promise<Positions>

/**
 * Hands events to the partitions of their keys; resolves with their positions once the log has them durably. Rejects
 * with why events are not taken, if `refusalOf` says so of those of one partition.
 */
export function appender(
  log: EventLog,
  partitions: number,
  refusalOf?: (partition: number, events: Iterable<Event>) => Error | undefined,
): Append {
  // An append that throws at once leaves none of the others without somebody who hears how it ended.
  const appendOne = async ([partition, group]: [number, Events]): Promise<Seq> => log.append(partition, group)
  const append = async (events: Event[] | Columns): Promise<Positions> => {
    const groups = grouped(events, partitions)
    for (const [partition, group] of groups) {
      const refusal = refusalOf?.(partition, group)
      if (refusal) throw refusal
    }
    const positions = new Positions()
    const all = [...groups]
    const [first] = all as [[number, Events]]
    // Nearly all requests are of one user, and so of one partition.
    const seqs = all.length === 1 ? [await log.append(...first)] : await Promise.all(all.map(appendOne))
    for (const [i, [partition]] of all.entries()) positions.add(partition, seqs[i]!)
    return positions
  }
  return (events, traceparent) => {
    if (events instanceof Columns || events.length === 0) return append(events)
    const [{ kind }] = events as [Event]
    // There are too many heartbeats for each to begin a trace, or to carry on one that nobody keeps.
    if (kind === KIND && !isKept(traceparent)) return append(events)
    const about = { 'rollcall.kind': kind, 'rollcall.events': events.length }
    return inNextSpan('append', traceparent, about, on =>
      append(on.traceparent ? events.map(event => ({ ...event, ...on })) : events),
    )
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

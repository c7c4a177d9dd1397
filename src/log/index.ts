/**
 * The event log: P partitions, each a totally ordered, durable sequence of entries.
 * The log owns what was accepted; everything else can be derived from it again.
 */
import type { Event } from '../../actors/event.ts'

/** Dense within a partition, from 1; 0 is "before everything". */
export type Seq = number

/** Events of one partition, in their order. */
export type Events = Iterable<Event> & { readonly length: number }

/** An entry of the log: a batch of events of one partition. */
export interface Entry {
  seq: Seq
  events: Event[]
  /** things among them that are no events, and were passed over */
  strays?: number
}

export interface Bounds {
  /** Names this log; another one has other seqs. */
  incarnation: string
  first: Seq
  last: Seq
}

export interface EventLog {
  /** Resolves with the seq of the entry that holds the events, when it is durable. Batches by itself. */
  append(partition: number, events: Events): Promise<Seq>
  /** Every durable entry after `after`, in order; waits for more at the end, until `signal` aborts. */
  read(partition: number, after: Seq, signal?: AbortSignal): AsyncIterable<Entry[]>
  /** `first` is one more than `last` while the partition is empty: 1 and 0 in a log that was never renewed. */
  bounds(partition: number): Promise<Bounds>
  /** By which the entry is known from another one in its place; null if it is not held. */
  mark(partition: number, seq: Seq): Promise<string | null>
  /** Forgets entries before `below`, never the last one; answers how many went. */
  trim(partition: number, below: Seq): Promise<number>
  /** No append succeeds afterwards; those under way are settled. */
  close(): Promise<void>
}

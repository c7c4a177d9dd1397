import type { Database } from 'lmdb'
import { Packr } from 'msgpackr'
import type { Event } from '../../actors/event.ts'
import { RollcallError } from '../errors.ts'
import { markOf } from './fingerprint.ts'
import type { Entry, Seq } from './index.ts'

/** Entries as the embedded log keeps them: key `partition, seq` (big endian), value the events in msgpack. */

export interface ToFollower {
  /** the last durable seq of partitions; a reader goes no further, though LMDB shows writes before they are on disk */
  durable?: [partition: number, seq: Seq][]
  /** of each partition */
  origins?: Origin[]
  id?: number
  /** what an append or a trim answers */
  seq?: Seq
  error?: { code: string; message: string }
}

export type FromFollower = { id: number; partition: number } & ({ events: Event[] } | { below: Seq })

/** Where a partition of the log begins. */
export interface Origin {
  incarnation: string
  /** the seq of the first entry there ever was */
  start: Seq
}

/** No entries go out sooner than this after those before. */
export const GROUP_MS = 5
/** An entry of more events would hold a shard for too long. */
export const ENTRY_EVENTS = 1_000
/** Events that wait to become durable; more are refused with RC_OVERLOADED. */
export const WAITING_EVENTS = 200_000
const KEY_BYTES = 10
const READ_ENTRIES = 64

// Each value describes its own structures once, so a batch of alike events is small.
const packr = new Packr({ useRecords: true })
export const encode = (events: Event[]): Buffer => Buffer.from(packr.pack(events))
export const decode = (value: Uint8Array): Event[] => packr.unpack(value) as Event[]

const isEvent = (thing: unknown): thing is Event => {
  const { kind, key, id, at, arrival } = (thing ?? {}) as Partial<Event>
  const isNamed = typeof kind === 'string' && typeof key === 'string' && typeof id === 'string'
  return isNamed && Number.isFinite(at) && Number.isFinite(arrival)
}

/** The entry of a message, which may hold anything: whoever may publish on a server may have put it there. */
export function entryOf(seq: Seq, value: Uint8Array): Entry {
  let things: unknown
  try {
    things = packr.unpack(value)
  } catch {
    return { seq, events: [], strays: 1 }
  }
  if (!Array.isArray(things)) return { seq, events: [], strays: 1 }
  const events = things.filter(isEvent)
  return { seq, events, ...(events.length < things.length && { strays: things.length - events.length }) }
}

export function keyOf(partition: number, seq: Seq): Buffer {
  const key = Buffer.allocUnsafe(KEY_BYTES)
  key.writeUInt16BE(partition, 0)
  key.writeUInt32BE(Math.floor(seq / 2 ** 32), 2)
  key.writeUInt32BE(seq % 2 ** 32, 6)
  return key
}

const seqOf = (key: Buffer): Seq => key.readUInt32BE(2) * 2 ** 32 + key.readUInt32BE(6)

export function lastSeq(entries: Database<Buffer, Buffer>, partition: number): Seq {
  const [start, end] = [keyOf(partition + 1, 0), keyOf(partition, 0)]
  for (const key of entries.getKeys({ start, end, reverse: true, limit: 2 })) {
    if ((key as Buffer).readUInt16BE(0) === partition) return seqOf(key as Buffer)
  }
  return 0
}

/** The first seq that is there; `next` if there is none. */
export function firstSeq(entries: Database<Buffer, Buffer>, partition: number, next: Seq): Seq {
  const [start, end] = [keyOf(partition, 0), keyOf(partition + 1, 0)]
  for (const key of entries.getKeys({ start, end, limit: 1 })) return seqOf(key as Buffer)
  return next
}

/** Of the entry, see `EventLog.mark`; null if it is not there. */
export function markAt(entries: Database<Buffer, Buffer>, partition: number, seq: Seq): string | null {
  const value = entries.get(keyOf(partition, seq))
  return value ? markOf({ seq, events: decode(value) }) : null
}

interface Reading {
  entries: Database<Buffer, Buffer>
  partition: number
  after: Seq
  signal: AbortSignal | undefined
  durable(): Seq
  /** Resolves when there may be more, or the signal aborts. */
  more(): Promise<void>
  /** Forgets the read transaction, so that newer commits are seen. */
  fresh(): void
}

export async function* readEntries(reading: Reading): AsyncGenerator<Entry[]> {
  const { entries, partition, signal, durable, more, fresh } = reading
  let { after } = reading
  while (!signal?.aborted) {
    const until = Math.min(durable(), after + READ_ENTRIES)
    if (until <= after) {
      await more()
      continue
    }
    fresh()
    const found: Entry[] = []
    const [start, end] = [keyOf(partition, after + 1), keyOf(partition, until + 1)]
    for (const { key, value } of entries.getRange({ start, end })) {
      found.push({ seq: seqOf(key as Buffer), events: decode(value) })
    }
    if (found.length === 0) throw new Error(`the log of partition ${partition} holds no entry ${after + 1}`)
    if (found[0]!.seq !== after + 1) {
      const text = `Partition ${partition}: the log no longer holds entry ${after + 1}.`
      throw new RollcallError('RC_LOG_TRUNCATED', text)
    }
    after = found.at(-1)!.seq
    yield found
  }
}

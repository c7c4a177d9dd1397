import type { Database } from 'lmdb'
import { Packr } from 'msgpackr'
import type { Event } from '../../actors/event.ts'
import type { Entry, Seq } from './index.ts'

/** Entries as the embedded log keeps them: key `partition, seq` (big endian), value the events in msgpack. */

export interface ToFollower {
  /** the last durable seq of partitions; a reader goes no further, though LMDB shows writes before they are on disk */
  durable?: [partition: number, seq: Seq][]
  incarnation?: string
  id?: number
  seq?: Seq
  error?: { code: string; message: string }
}

export interface FromFollower {
  id: number
  partition: number
  events: Event[]
}

const KEY_BYTES = 10
const READ_ENTRIES = 64

// Each value describes its own structures once, so a batch of alike events is small.
const packr = new Packr({ useRecords: true })
export const encode = (events: Event[]): Buffer => Buffer.from(packr.pack(events))
export const decode = (value: Buffer): Event[] => packr.unpack(value) as Event[]

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
    after = found.at(-1)!.seq
    yield found
  }
}

import type { Database } from 'lmdb'
import { RollcallError } from '../../errors.ts'
import { decode } from '../entries.ts'
import type { Entry, Seq } from '../index.ts'
import { keyOf, seqOf } from './tables.ts'

/** Entries that are read at a time. */
const READ_ENTRIES = 64

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

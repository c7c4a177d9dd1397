import { RollcallError } from '../errors.ts'
import type { Arrivals } from './arrivals.ts'
import type { Entry, Seq } from './index.ts'

/** Entries that are read at a time. */
const READ_ENTRIES = 64

interface Reading {
  partition: number
  after: Seq
  signal: AbortSignal | undefined
  arrivals: Arrivals
  /** the seq of the last entry that may be read */
  last(): Seq
  /** The entries that are held from `from` up to `until`, in order. */
  entries(from: Seq, until: Seq): Entry[]
}

/** Reads what is at hand, waits at the end for more, and tells if what comes next is not held any more. */
export async function* readEntries({
  partition,
  signal,
  arrivals,
  last,
  ...reading
}: Reading): AsyncGenerator<Entry[]> {
  let { after } = reading
  while (!signal?.aborted) {
    const until = Math.min(last(), after + READ_ENTRIES)
    if (until <= after) {
      await arrivals.next(partition, signal)
      continue
    }
    const found = reading.entries(after + 1, until)
    if (found.length === 0) throw new Error(`the log of partition ${partition} holds no entry ${after + 1}`)
    if (found[0]!.seq !== after + 1) {
      const text = `Partition ${partition}: the log no longer holds entry ${after + 1}.`
      throw new RollcallError('RC_LOG_TRUNCATED', text)
    }
    after = found.at(-1)!.seq
    yield found
  }
}

import { type ErrorCode, RollcallError } from '../errors.ts'
import type { Arrivals } from './arrivals.ts'
import { ENTRY_EVENTS } from './entries.ts'
import type { Entry, Seq } from './index.ts'
import { countOf } from './rows-entry.ts'

/** Entries that are read at a time. */
const READ_ENTRIES = 64

interface Reading {
  partition: number
  after: Seq
  signal: AbortSignal | undefined
  arrivals: Arrivals
  /** the seq of the last entry that may be read */
  last(): Seq
  /** The entries that are held from `from` up to `until`, in order; those before one that is damaged. */
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
    if (found.length === 0) throw missing('RC_LOG_CORRUPT', partition, after + 1)
    if (found[0]!.seq !== after + 1) throw missing('RC_LOG_TRUNCATED', partition, after + 1)
    const gap = found.findIndex(({ seq }, i) => seq !== after + 1 + i)
    if (gap > 0) found.length = gap
    after = found.at(-1)!.seq
    yield found
    // Entries leave from the front alone.
    if (gap > 0) throw missing('RC_LOG_CORRUPT', partition, after + 1)
  }
}

const missing = (code: ErrorCode, partition: number, seq: Seq): RollcallError =>
  new RollcallError(code, `Partition ${partition}: the log holds no entry ${seq}.`)

/**
 * The entries of values up to the first that is damaged, or until they hold as many events as one entry may; throws only if
 * the first of all is damaged.
 */
export function wholeOnes<T>(values: Iterable<T>, decode: (value: T) => Entry): Entry[] {
  const entries: Entry[] = []
  let count = 0
  for (const value of values) {
    try {
      const entry = decode(value)
      entries.push(entry)
      count += countOf(entry)
      if (count >= ENTRY_EVENTS) break
    } catch (error) {
      if (entries.length === 0) throw error
      break
    }
  }
  return entries
}

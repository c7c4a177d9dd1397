import { openLogEnvironment } from '../../lmdb/index.ts'
import { isThere } from '../../lmdb/readable.ts'
import { entryOf } from '../entries.ts'
import type { Bounds, Entry, Seq } from '../index.ts'
import type { Changed, Settings } from '../recorded.ts'
import { type Made, Tables } from './tables.ts'

/** An entry as it is held, or why it cannot be read. */
export type FoundEntry = Entry | { seq: Seq; error: Error }

/** A log that is only looked at: nothing is made, nobody is waited for. */
export interface LogPeek {
  /** those it was made with; null if there is no log */
  readonly settings: Settings | null
  /** see `Recorded` */
  readonly changed: Changed | null
  /** null if there is no such partition */
  bounds(partition: number): Promise<Bounds | null>
  /** By which the entry is known from another one in its place; null if it is not held. */
  mark(partition: number, seq: Seq): Promise<string | null>
  /** The seqs of entries that are missing, or not as they were written; without, nobody looks at all of them. */
  damaged?(partition: number): Iterable<Seq>

  /**
   * Entries that are held from `from` up to `until`, in order. Those whose bytes are `isOfUse` to nobody may come without
   * their events, since most of the time of reading goes into making these.
   */
  entries(
    partition: number,
    from: Seq,
    until: Seq,
    isOfUse?: (value: Uint8Array) => boolean,
  ): AsyncIterable<FoundEntry[]>
  close(): Promise<void>
}

const READ_ENTRIES = 64

function found(partition: number, [seq, value]: [seq: Seq, value: Uint8Array]): FoundEntry {
  try {
    return entryOf(partition, seq, value)
  } catch (error) {
    return { seq, error: error as Error }
  }
}

const NOTHING: LogPeek = {
  settings: null,
  changed: null,
  bounds: async () => null,
  mark: async () => null,
  async *entries() {},
  close: async () => {},
}

/** The embedded log, also while a server has it open. A process that has it open itself says so. */
export async function peekAtLog(path: string, { readOnly = true } = {}): Promise<LogPeek> {
  if (!isThere(path)) return NOTHING
  const env = openLogEnvironment(path, readOnly ? { readOnly } : {})
  const made = env.openDB<Made, string>('meta', {})?.get('log')
  if (!made) {
    await env.close()
    return NOTHING
  }
  const tables = new Tables(env, made)
  return {
    settings: made.settings,
    changed: made.changed ?? null,
    async bounds(partition) {
      if (partition >= made.partitions) return null
      const last = tables.last(partition)
      return { incarnation: tables.origin(partition).incarnation, first: tables.first(partition, last), last }
    },
    mark: async (partition, seq) => tables.mark(partition, seq),
    damaged: partition => (partition < made.partitions ? tables.damaged(partition) : []),
    async *entries(partition, from, until, isOfUse = () => true) {
      for (let seq = from; seq <= until; seq += READ_ENTRIES) {
        const values = tables.values(partition, seq, Math.min(until, seq + READ_ENTRIES - 1))
        if (values.length === 0) continue
        yield values.map(each => (isOfUse(each[1]) ? found(partition, each) : { seq: each[0], events: [] }))
      }
    },
    close: () => tables.close(),
  }
}

import type { Database, RootDatabase } from 'lmdb'
import { entryOf } from '../entries.ts'
import { fingerprintOf } from '../fingerprint.ts'
import type { Entry, Seq } from '../index.ts'

const KEY_BYTES = 10
/** Entries that are removed at once: appends wait for them. */
const AT_ONCE = 1_000

/** Where a partition of the log begins. */
export interface Origin {
  incarnation: string
  /** the seq of the first entry there ever was */
  start: Seq
}

/** The record of the log itself, written when it was made. */
export interface Made {
  incarnation: string
  partitions: number
  settings: Record<string, unknown>
}

/** The tables of the log in LMDB: its entries, and where each partition begins. */
export class Tables {
  readonly entries: Database<Buffer, Buffer>
  readonly #env: RootDatabase
  readonly #made: Made
  /** of the partitions that were renewed; undefined where an older log is only looked at */
  readonly #origins: Database<Origin, number> | undefined
  #removing: Promise<unknown> = Promise.resolve()
  #isClosing = false

  constructor(env: RootDatabase, made: Made) {
    this.#env = env
    this.#made = made
    this.entries = env.openDB('entries', { encoding: 'binary', keyEncoding: 'binary' })
    this.#origins = env.openDB('origins', {})
  }

  origin(partition: number): Origin {
    return this.#origins?.get(partition) ?? { incarnation: this.#made.incarnation, start: 1 }
  }

  last(partition: number): Seq {
    return lastSeq(this.entries, partition) || this.origin(partition).start - 1
  }

  /** `last` + 1 if the partition is empty. */
  first(partition: number, last: Seq): Seq {
    this.#env.resetReadTxn()
    return firstSeq(this.entries, partition, last + 1)
  }

  between(partition: number, from: Seq, until: Seq): Entry[] {
    this.#env.resetReadTxn()
    return entriesAt(this.entries, partition, from, until)
  }

  mark(partition: number, seq: Seq): string | null {
    this.#env.resetReadTxn()
    return markAt(this.entries, partition, seq)
  }

  /** Removes the entries from `first` to before `below`. Answers how many. */
  async remove(partition: number, first: Seq, below: Seq): Promise<number> {
    let seq = first
    while (seq < below && !this.#isClosing) {
      const removed: Promise<boolean>[] = []
      for (const end = Math.min(below, seq + AT_ONCE); seq < end; seq++) {
        removed.push(this.entries.remove(keyOf(partition, seq)))
      }
      this.#removing = Promise.all(removed)
      await this.#removing
    }
    return Math.max(0, seq - first)
  }

  /** The partition, empty by now, begins there. */
  async begin(partition: number, origin: Origin): Promise<void> {
    await this.#origins!.put(partition, origin)
    await this.#env.flushed
    this.#env.resetReadTxn()
  }

  async close(): Promise<void> {
    this.#isClosing = true
    // A removal that fails has told whoever asked for it.
    await this.#removing.catch(() => {})
    await this.#env.close()
  }
}

/** A key in LMDB: partition, then seq, big endian, so that keys are in the order of the log. */
export function keyOf(partition: number, seq: Seq): Buffer {
  const key = Buffer.allocUnsafe(KEY_BYTES)
  key.writeUInt16BE(partition, 0)
  key.writeUInt32BE(Math.floor(seq / 2 ** 32), 2)
  key.writeUInt32BE(seq % 2 ** 32, 6)
  return key
}

const seqOf = (key: Buffer): Seq => key.readUInt32BE(2) * 2 ** 32 + key.readUInt32BE(6)

/** The entries that are there from `from` up to `until`, in order. */
export function entriesAt(entries: Database<Buffer, Buffer>, partition: number, from: Seq, until: Seq): Entry[] {
  const range = entries.getRange({ start: keyOf(partition, from), end: keyOf(partition, until + 1) })
  return Array.from(range, ({ key, value }) => entryOf(seqOf(key as Buffer), value))
}

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

/** The entry's mark, see `EventLog.mark`; null if the entry is not there. */
export function markAt(entries: Database<Buffer, Buffer>, partition: number, seq: Seq): string | null {
  const value = entries.get(keyOf(partition, seq))
  return value ? fingerprintOf(entryOf(seq, value)) : null
}

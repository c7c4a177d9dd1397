import { randomUUID } from 'node:crypto'
import type { Database, RootDatabase } from 'lmdb'
import { firstSeq, keyOf, lastSeq, markAt, type Origin } from '../entries.ts'
import type { Seq } from '../index.ts'

/** What is removed at once: appends wait for it. */
const AT_ONCE = 1_000

/** What was said when the log was made. */
export interface Made {
  incarnation: string
  partitions: number
  settings: Record<string, unknown>
}

/** What LMDB keeps of the log: the entries, and where each partition begins. */
export class Kept {
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

  /** The partition, empty by now, is of another incarnation and goes on with `start`. */
  async begin(partition: number, start: Seq): Promise<void> {
    await this.#origins!.put(partition, { incarnation: randomUUID(), start })
    await this.#env.flushed
    this.#env.resetReadTxn()
  }

  async close(): Promise<void> {
    this.#isClosing = true
    await this.#removing.catch(() => {})
    await this.#env.close()
  }
}

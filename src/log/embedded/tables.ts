import type { Database, RootDatabase } from 'lmdb'
import { isCode, RollcallError } from '../../errors.ts'
import { released } from '../../lmdb/index.ts'
import { entryOf } from '../entries.ts'
import { fingerprintOf } from '../fingerprint.ts'
import type { Entry, Seq } from '../index.ts'
import { wholeOnes } from '../reading.ts'
import type { Changed, Settings } from '../recorded.ts'
import { Fence } from './fence.ts'

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
  settings: Settings
  changed?: Changed
}

/** An entry on its way in. */
interface Added {
  partition: number
  seq: Seq
  value: Buffer
}

/** The tables of the log in LMDB: its entries, and where each partition begins. */
export class Tables {
  readonly entries: Database<Buffer, Buffer>
  readonly #env: RootDatabase
  readonly #made: Made
  #fence: Fence | undefined
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

  /** The values that are held from `from` up to `until`, in order, as they lie there. */
  values(partition: number, from: Seq, until: Seq): [seq: Seq, value: Buffer][] {
    this.#env.resetReadTxn()
    const range = this.entries.getRange({ start: keyOf(partition, from), end: keyOf(partition, until + 1) })
    return Array.from(released(range), ({ key, value }) => [seqOf(key as Buffer), value])
  }

  mark(partition: number, seq: Seq): string | null {
    this.#env.resetReadTxn()
    return markAt(this.entries, partition, seq)
  }

  /** The seqs of entries that are missing between others, or not as they were written. */
  *damaged(partition: number): Generator<Seq> {
    const last = this.last(partition)
    for (let next = this.first(partition, last); next <= last; next++) {
      const until = Math.min(last, next + AT_ONCE)
      const whole = wholeUpTo(next, () => this.between(partition, next, until))
      if (whole < next) yield next
      else next = whole
    }
  }

  /** Nobody else writes from here on, and all that others wrote can be read; before, this process may not write. */
  async takeOver(id: string): Promise<void> {
    this.#fence = await Fence.take(this.#env, id)
    await this.#env.flushed
    this.#env.resetReadTxn()
  }

  /**
   * Adds entries, those of a partition in their order, or none of them. RC_FENCED if another process writes, or has
   * written where a partition's first belongs, as a former version does that knows of no fence.
   */
  async add(added: readonly Added[]): Promise<void> {
    const firsts = [...new Map(added.toReversed().map(each => [each.partition, each])).values()].map(placeOf)
    const areFree: Promise<boolean>[] = []
    // LMDB carries out what follows a condition inside another one, whether the outer one held or not: nothing does.
    const put = (n: number): void => {
      const first = firsts[n]
      if (first) areFree.push(this.entries.ifNoExists(first, () => put(n + 1)))
      else for (const each of added) this.entries.put(placeOf(each), each.value)
    }
    await this.write(() => put(0))
    if ((await Promise.all(areFree)).includes(false)) throw fenced()
  }

  /** Carries out what is written in the call, if nobody else writes the log. */
  async write(writes: () => void): Promise<void> {
    if (!(await this.#fence!.write(writes))) throw fenced()
  }

  /** Removes the entries from `first` to before `below`. Answers how many. */
  async remove(partition: number, first: Seq, below: Seq): Promise<number> {
    let seq = first
    while (seq < below && !this.#isClosing) {
      const removing = this.write(() => {
        for (const end = Math.min(below, seq + AT_ONCE); seq < end; seq++) this.entries.remove(keyOf(partition, seq))
      })
      this.#removing = removing
      await removing
    }
    return Math.max(0, seq - first)
  }

  /** The partition, empty by now, begins there. */
  async begin(partition: number, origin: Origin): Promise<void> {
    await this.write(() => void this.#origins!.put(partition, origin))
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

const fenced = (): RollcallError =>
  new RollcallError('RC_FENCED', 'Another process writes the log of this data directory; this one writes no more.')

/** A key in LMDB: partition, then seq, big endian, so that keys are in the order of the log. */
export function keyOf(partition: number, seq: Seq): Buffer {
  const key = Buffer.allocUnsafe(KEY_BYTES)
  key.writeUInt16BE(partition, 0)
  key.writeUInt32BE(Math.floor(seq / 2 ** 32), 2)
  key.writeUInt32BE(seq % 2 ** 32, 6)
  return key
}

const placeOf = ({ partition, seq }: Added): Buffer => keyOf(partition, seq)

const seqOf = (key: Buffer): Seq => key.readUInt32BE(2) * 2 ** 32 + key.readUInt32BE(6)

/** The entries that are there from `from` up to `until`, in order. */
export function entriesAt(entries: Database<Buffer, Buffer>, partition: number, from: Seq, until: Seq): Entry[] {
  try {
    return wholeOnes(valuesAt(entries, partition, from, until), ([seq, value]) => entryOf(partition, seq, value))
  } catch (cause) {
    if (cause instanceof RollcallError) throw cause
    throw new RollcallError('RC_LOG_CORRUPT', `Partition ${partition}: entry ${from} of the log cannot be read.`, {
      cause,
    })
  }
}

/** Each value is there until the next is asked for. */
function* valuesAt(
  entries: Database<Buffer, Buffer>,
  partition: number,
  from: Seq,
  until: Seq,
): Generator<[seq: Seq, value: Buffer]> {
  let next = from
  // They are mostly without a gap, and one that is asked for by its key takes no more memory.
  for (; next <= until; next++) {
    const value = entries.getBinaryFast(keyOf(partition, next))
    if (!value) break
    yield [next, value]
  }
  if (next > until) return
  const range = entries.getRange({ start: keyOf(partition, next), end: keyOf(partition, until + 1) })
  for (const { key, value } of released(range)) yield [seqOf(key as Buffer), value]
}

export function lastSeq(entries: Database<Buffer, Buffer>, partition: number): Seq {
  const [start, end] = [keyOf(partition + 1, 0), keyOf(partition, 0)]
  for (const key of released(entries.getKeys({ start, end, reverse: true, limit: 2 }))) {
    if ((key as Buffer).readUInt16BE(0) === partition) return seqOf(key as Buffer)
  }
  return 0
}

/** The last seq up to which entries are whole and without a gap; less than `first` if that one is not. */
function wholeUpTo(first: Seq, read: () => Entry[]): Seq {
  try {
    const found = read()
    const gap = found.findIndex(({ seq }, i) => seq !== first + i)
    return first + (gap < 0 ? found.length : gap) - 1
  } catch (error) {
    if (!isCode(error, 'RC_LOG_CORRUPT')) throw error
    return first - 1
  }
}

/** The first seq that is there; `next` if there is none. */
export function firstSeq(entries: Database<Buffer, Buffer>, partition: number, next: Seq): Seq {
  const [start, end] = [keyOf(partition, 0), keyOf(partition + 1, 0)]
  for (const key of released(entries.getKeys({ start, end, limit: 1 }))) return seqOf(key as Buffer)
  return next
}

/** The entry's mark, see `EventLog.mark`; null if the entry is not there. */
export function markAt(entries: Database<Buffer, Buffer>, partition: number, seq: Seq): string | null {
  const value = entries.get(keyOf(partition, seq))
  return value ? fingerprintOf(entryOf(partition, seq, value)) : null
}

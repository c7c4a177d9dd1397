import { RollcallError } from '../errors.ts'
import type { Time } from '../time.ts'
import { Arrivals } from './arrivals.ts'
import { Batches } from './batches.ts'
import { entryOf } from './entries.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { Bounds, Entry, EventLog, Seq } from './index.ts'
import { readEntries, wholeOnes } from './reading.ts'

/** A partition: its values are bytes, so that nobody shares an event with it. */
interface Held {
  incarnation: string
  /** the seq of the first value */
  first: Seq
  values: Buffer[]
}

interface MemoryLogOptions {
  partitions: number
  settings: Record<string, unknown>
  time: Time
}

interface Opener {
  time: Time
  reach<T>(work: () => T): Promise<T>
}

export interface MemoryLog extends EventLog {
  /** those it was made with */
  readonly settings: Record<string, unknown>
  /** Makes the partition anew, empty, of another incarnation, with `first` as its next seq. */
  renew(partition: number, first: Seq): Promise<void>
}

/** A log in memory, which outlives all who open it, as a disk does; each of them closes only its own. */
export class LogInMemory {
  readonly #settings: Record<string, unknown>
  readonly #time: Time
  readonly #partitions: Held[]
  readonly #arrivals = new Arrivals()

  constructor({ partitions, settings, time }: MemoryLogOptions) {
    this.#settings = settings
    this.#time = time
    const incarnation = time.id()
    this.#partitions = Array.from({ length: partitions }, () => ({ incarnation, first: 1, values: [] }))
  }

  /** `time` is of who opens it; `reach` is on the way to where it is kept. */
  open({ time = this.#time, reach = async work => work() }: Partial<Opener> = {}): MemoryLog {
    let isClosed = false
    const batches = new Batches({
      ...{ time, partitions: this.#partitions.length, isJoint: true, hasRows: true },
      ...{ maxBytes: Number.POSITIVE_INFINITY, deadlineMs: Number.POSITIVE_INFINITY },
      send: outgoing => reach(() => outgoing.map(({ partition, value }) => this.#put(partition, value))),
    })
    return {
      settings: this.#settings,
      append: (partition, events) => batches.append(partition, events),
      read: (partition, after, signal) =>
        readEntries({
          ...{ partition, after, signal, arrivals: this.#arrivals },
          last: () => lastOf(this.#partitions[partition]!),
          entries: (from, until) => this.#entries(partition, from, until),
        }),
      bounds: async partition => this.#bounds(partition),
      mark: async (partition, seq) => this.#mark(partition, seq),
      trim: async (partition, below) => {
        if (isClosed) throw new RollcallError('RC_LOG_UNAVAILABLE', 'The log is closed.')
        return this.#trim(partition, below)
      },
      renew: async (partition, first) => {
        this.#partitions[partition] = { incarnation: this.#time.id(), first, values: [] }
      },
      close() {
        isClosed = true
        return batches.close()
      },
    }
  }

  /** The last entries are gone, as from a disk that lost them; what it answers with puts all back as it was. */
  lose(partition: number, entries: number): () => void {
    const held = this.#partitions[partition]!
    const { values } = held
    held.values = values.slice(0, Math.max(0, values.length - entries))
    return () => {
      held.values = values
    }
  }

  /** A bit of the entry is another one, as on a disk that does not keep what it was given. */
  flip(partition: number, seq: Seq, bit: number): void {
    const { first, values } = this.#partitions[partition]!
    values[seq - first]![bit >> 3]! ^= 1 << (bit & 7)
  }

  #put(partition: number, value: Buffer): Seq {
    const held = this.#partitions[partition]!
    held.values.push(value)
    this.#arrivals.tell(partition)
    return lastOf(held)
  }

  #bounds(partition: number): Bounds {
    const held = this.#partitions[partition]!
    return { incarnation: held.incarnation, first: held.first, last: lastOf(held) }
  }

  #mark(partition: number, seq: Seq): string | null {
    const [entry] = this.#entries(partition, seq, seq)
    return entry ? fingerprintOf(entry) : null
  }

  #entries(partition: number, from: Seq, until: Seq): Entry[] {
    const { first, values } = this.#partitions[partition]!
    const start = Math.max(from, first)
    const held = values.slice(start - first, Math.max(0, until + 1 - first))
    return wholeOnes(held.entries(), ([i, value]) => entryOf(partition, start + i, value))
  }

  #trim(partition: number, below: Seq): number {
    const held = this.#partitions[partition]!
    const gone = Math.max(0, Math.min(below, lastOf(held)) - held.first)
    held.values.splice(0, gone)
    held.first += gone
    return gone
  }
}

const lastOf = ({ first, values }: Held): Seq => first + values.length - 1

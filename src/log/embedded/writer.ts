import type { MessagePort } from 'node:worker_threads'
import type { Database, RootDatabase } from 'lmdb'
import { isCode, RollcallError } from '../../errors.ts'
import { spaceAt } from '../../lmdb/disk.ts'
import { openLogEnvironment } from '../../lmdb/index.ts'
import type { Meter } from '../../observe/meter.ts'
import { systemTime, type Time, within } from '../../time.ts'
import { Batches, type Outgoing } from '../batches.ts'
import type { Bounds, Entry, EventLog, Events, Seq } from '../index.ts'
import { readEntries } from '../reading.ts'
import type { Changed, Recorded, Settings } from '../recorded.ts'
import type { FromFollower, ToFollower } from './follower.ts'
import { Readers } from './readers.ts'
import { type Made, Tables } from './tables.ts'

const FLUSH_DEADLINE_MS = 10_000

export interface EmbeddedLog extends EventLog, Recorded {
  /** Tells the reader at the other end of `port` what is durable, and appends for it. */
  serve(port: MessagePort): void
  /** The last durable entry of a partition. */
  last(partition: number): Seq
  /** Why nothing is taken just now; null if it is. */
  failing(): RollcallError | null
  /**
   * Takes the log over from whichever process writes it, which is fenced; what it wrote is there by then. The first write
   * does so by itself.
   */
  takeOver(): Promise<void>
  /** rejects when this process finds that another one writes the log */
  readonly lost: Promise<never>
  /** Notes how the settings changed. */
  change(changed: Changed): Promise<void>
  /** Makes the partition anew, empty, of another incarnation, with `first` as its next seq; nobody may follow the log. */
  renew(partition: number, first: Seq): Promise<void>
}

/** The writer of the log in LMDB; there is one a process, on the main thread. */
export async function openLog(
  path: string,
  partitions: number,
  settings: Settings,
  time: Time = systemTime,
  meter?: Meter,
): Promise<EmbeddedLog> {
  const env = openLogEnvironment(path)
  const meta = env.openDB<Made, string>('meta', {})
  await meta.ifNoExists('log', () => meta.put('log', { incarnation: time.id(), partitions, settings }))
  await env.flushed
  return new Writer(env, meta, spaceAt(path, time), { time, meter })
}

const nearlyFull = (): RollcallError => new RollcallError('RC_LOG_UNAVAILABLE', 'The disk is nearly full.')

class Writer implements EmbeddedLog {
  readonly settings: Settings
  changed: Changed | null
  readonly #meta: Database<Made, string>
  readonly #env: RootDatabase
  readonly #tables: Tables
  readonly #time: Time
  readonly #hasSpace: () => boolean
  /** the last durable seq of each partition */
  readonly #durable: Seq[]
  /** the last seq of each that is taken: of a flush that failed it may be written, and is durable with the next */
  readonly #taken: Seq[]
  readonly #readers: Readers
  readonly #batches: Batches
  readonly #lost = Promise.withResolvers<never>()
  #takingOver: Promise<void> | undefined
  #fencedBy: RollcallError | undefined
  /** a flush was given up, and has not ended */
  #isStuck = false
  #isClosed = false

  constructor(
    env: RootDatabase,
    meta: Database<Made, string>,
    hasSpace: () => boolean,
    { time, meter }: { time: Time; meter: Meter | undefined },
  ) {
    const made = meta.get('log')!
    this.#meta = meta
    this.#env = env
    this.#time = time
    this.#hasSpace = hasSpace
    this.#tables = new Tables(env, made)
    this.settings = made.settings
    this.changed = made.changed ?? null
    this.#lost.promise.catch(() => {})
    this.#durable = Array.from({ length: made.partitions }, (_, p) => this.#tables.last(p))
    this.#taken = [...this.#durable]
    this.#readers = new Readers(time)
    this.#batches = new Batches({
      ...{ time, partitions: made.partitions, isJoint: true, hasRows: true, meter },
      // Each flush has a deadline of its own, and LMDB takes entries of any size.
      ...{ maxBytes: Number.POSITIVE_INFINITY, deadlineMs: Number.POSITIVE_INFINITY },
      send: outgoing => this.#flush(outgoing),
    })
  }

  get lost(): Promise<never> {
    return this.#lost.promise
  }

  takeOver(): Promise<void> {
    this.#takingOver ??= this.#takeOver().catch(error => {
      this.#takingOver = undefined
      throw error
    })
    return this.#takingOver
  }

  async #takeOver(): Promise<void> {
    await this.#tables.takeOver(this.#time.id())
    for (const p of this.#durable.keys()) this.#taken[p] = this.#durable[p] = this.#tables.last(p)
    this.#readers.tell(this.#durable.entries())
  }

  append(partition: number, events: Events): Promise<Seq> {
    if (this.#fencedBy) return Promise.reject(this.#fencedBy)
    if (!this.#hasSpace()) return Promise.reject(nearlyFull())
    return this.#batches.append(partition, events)
  }

  failing(): RollcallError | null {
    if (this.#fencedBy) return this.#fencedBy
    return this.#hasSpace() ? this.#batches.failing : nearlyFull()
  }

  async #flush(outgoing: Outgoing[]): Promise<Seq[]> {
    const late = (): Error => new Error('the disk did not answer in time')
    // Where a flush that was given up will have written is not known before it has ended.
    if (this.#isStuck) throw late()
    const written = this.#write(outgoing)
    return within(this.#time, FLUSH_DEADLINE_MS, written, () => {
      this.#isStuck = true
      const ended = (): void => {
        this.#isStuck = false
      }
      written.then(ended, ended)
      return late()
    })
  }

  async #write(outgoing: Outgoing[]): Promise<Seq[]> {
    const lasts = new Map<number, Seq>()
    const seqs: Seq[] = []
    try {
      await this.takeOver()
      const added = outgoing.map(({ partition, value }) => {
        const seq = (lasts.get(partition) ?? this.#taken[partition]!) + 1
        lasts.set(partition, seq)
        seqs.push(seq)
        return { partition, seq, value }
      })
      await this.#tables.add(added)
      await this.#env.flushed
    } catch (error) {
      if (isCode(error, 'RC_FENCED')) this.#lose(error as RollcallError)
      this.#env.resetReadTxn()
      for (const partition of lasts.keys()) this.#taken[partition] = this.#tables.last(partition)
      throw error
    }
    for (const [partition, seq] of lasts) this.#taken[partition] = this.#durable[partition] = seq
    this.#readers.announce(lasts)
    return seqs
  }

  #lose(error: RollcallError): never {
    this.#fencedBy = error
    this.#lost.reject(error)
    throw error
  }

  serve(port: MessagePort): void {
    this.#readers.add(port)
    port.on('message', async (message: FromFollower) => {
      const { id, partition } = message
      const work = 'below' in message ? this.trim(partition, message.below) : this.append(partition, message.events)
      const answer = await work.then(
        // An answer lets who appended read it.
        (seq): ToFollower => ({ id, seq, ...('events' in message && { durable: [[partition, seq]] }) }),
        ({ code, message }: RollcallError): ToFollower => ({ id, error: { code, message } }),
      )
      port.postMessage(answer)
    })
    port.unref()
    const durable = this.#durable.map((seq, p): [number, Seq] => [p, seq])
    const origins = this.#durable.map((_, p) => this.#tables.origin(p))
    port.postMessage({ durable, origins } satisfies ToFollower)
  }

  read(partition: number, after: Seq, signal?: AbortSignal): AsyncIterable<Entry[]> {
    const last = (): Seq => this.#durable[partition]!
    const entries = (from: Seq, until: Seq): Entry[] => this.#tables.between(partition, from, until)
    return readEntries({ partition, after, signal, arrivals: this.#readers.arrivals, last, entries })
  }

  last(partition: number): Seq {
    return this.#durable[partition]!
  }

  async bounds(partition: number): Promise<Bounds> {
    const last = this.#durable[partition]!
    return { incarnation: this.#tables.origin(partition).incarnation, first: this.#tables.first(partition, last), last }
  }

  async mark(partition: number, seq: Seq): Promise<string | null> {
    return this.#tables.mark(partition, seq)
  }

  async trim(partition: number, below: Seq): Promise<number> {
    if (this.#isClosed) throw new RollcallError('RC_LOG_UNAVAILABLE', 'The log is closed.')
    if (this.#fencedBy) throw this.#fencedBy
    await this.takeOver()
    const last = this.#durable[partition]!
    return await this.#tables.remove(partition, this.#tables.first(partition, last), Math.min(below, last))
  }

  async change(changed: Changed): Promise<void> {
    await this.takeOver()
    const made = this.#meta.get('log')!
    await this.#tables.write(() => void this.#meta.put('log', { ...made, changed }))
    await this.#env.flushed
    this.changed = changed
  }

  async renew(partition: number, first: Seq): Promise<void> {
    await this.takeOver()
    const last = this.#taken[partition]!
    await this.#tables.remove(partition, this.#tables.first(partition, last), last + 1)
    await this.#tables.begin(partition, { incarnation: this.#time.id(), start: first })
    this.#taken[partition] = this.#durable[partition] = first - 1
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#batches.close()
    this.#readers.close()
    await this.#tables.close()
  }
}

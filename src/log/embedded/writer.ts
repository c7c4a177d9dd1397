import { randomUUID } from 'node:crypto'
import type { MessagePort } from 'node:worker_threads'
import type { RootDatabase } from 'lmdb'
import type { Event } from '../../../actors/event.ts'
import { RollcallError } from '../../errors.ts'
import { spaceAt } from '../../lmdb/disk.ts'
import { openLogEnvironment } from '../../lmdb/index.ts'
import { Arrivals } from '../arrivals.ts'
import { ENTRY_EVENTS, encode, GROUP_MS, WAITING_EVENTS } from '../entries.ts'
import type { Bounds, Entry, EventLog, Seq } from '../index.ts'
import { readEntries } from '../reading.ts'
import type { FromFollower, ToFollower } from './follower.ts'
import { keyOf, type Made, Tables } from './tables.ts'

const FLUSH_DEADLINE_MS = 10_000

interface Batch {
  events: Event[]
  waiting: { resolve(seq: Seq): void; reject(error: Error): void }[]
}

export interface EmbeddedLog extends EventLog {
  /** Tells the reader at the other end of `port` what is durable, and appends for it. */
  serve(port: MessagePort): void
  /** Read or written once, when the log is made: what state is a function of. */
  readonly settings: Record<string, unknown>
  /** Makes the partition anew, empty, of another incarnation, with `first` as its next seq; nobody may follow the log. */
  renew(partition: number, first: Seq): Promise<void>
}

/** The writer of the log in LMDB; there is one a process, on the main thread. */
export async function openLog(
  path: string,
  partitions: number,
  settings: Record<string, unknown>,
): Promise<EmbeddedLog> {
  const env = openLogEnvironment(path)
  const meta = env.openDB<Made, string>('meta', {})
  if (!meta.doesExist('log')) await meta.put('log', { incarnation: randomUUID(), partitions, settings })
  await env.flushed
  return new Writer(env, meta.get('log')!, spaceAt(path))
}

class Writer implements EmbeddedLog {
  readonly settings: Record<string, unknown>
  readonly #env: RootDatabase
  readonly #tables: Tables
  readonly #hasSpace: () => boolean
  /** the last durable seq of each partition */
  readonly #durable: Seq[]
  readonly #open = new Map<number, Batch[]>()
  readonly #ports = new Set<MessagePort>()
  readonly #arrivals = new Arrivals()
  #waiting = 0
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> | undefined
  #flushedAt = 0
  #closed = false

  constructor(env: RootDatabase, made: Made, hasSpace: () => boolean) {
    this.#env = env
    this.#hasSpace = hasSpace
    this.#tables = new Tables(env, made)
    this.settings = made.settings
    this.#durable = Array.from({ length: made.partitions }, (_, p) => this.#tables.last(p))
  }

  append(partition: number, events: Event[]): Promise<Seq> {
    if (this.#closed) return Promise.reject(new RollcallError('RC_LOG_UNAVAILABLE', 'The log is closed.'))
    if (!this.#hasSpace()) return Promise.reject(new RollcallError('RC_LOG_UNAVAILABLE', 'The disk is nearly full.'))
    if (this.#waiting + events.length > WAITING_EVENTS) return Promise.reject(new RollcallError('RC_OVERLOADED'))
    this.#waiting += events.length
    let batches = this.#open.get(partition)
    if (!batches) {
      batches = []
      this.#open.set(partition, batches)
    }
    let batch = batches.at(-1)
    if (!batch || batch.events.length + events.length > ENTRY_EVENTS) {
      batch = { events: [], waiting: [] }
      batches.push(batch)
    }
    const { waiting } = batch
    for (const event of events) batch.events.push(event)
    this.#schedule()
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
  }

  #schedule(): void {
    if (this.#timer || this.#flushing || this.#open.size === 0) return
    const wait = Math.max(0, this.#flushedAt + GROUP_MS - performance.now())
    const go = (): void => {
      this.#timer = undefined
      this.#flushing = this.#flush().finally(() => {
        this.#flushedAt = performance.now()
        this.#flushing = undefined
        this.#schedule()
      })
    }
    // Even "at once" waits for the end of the turn, so that requests read together are committed together.
    this.#timer = wait < 1 ? (setImmediate(go) as unknown as NodeJS.Timeout) : setTimeout(go, wait)
  }

  async #flush(): Promise<void> {
    const taken = [...this.#open]
    this.#open.clear()
    const settled: { batch: Batch; partition: number; seq: Seq }[] = []
    try {
      const puts: Promise<boolean>[] = []
      for (const [partition, batches] of taken) {
        let seq = this.#durable[partition]!
        for (const batch of batches) {
          seq++
          puts.push(this.#tables.entries.put(keyOf(partition, seq), encode(batch.events)))
          settled.push({ batch, partition, seq })
        }
      }
      await inTime(Promise.all(puts).then(() => this.#env.flushed))
    } catch (cause) {
      const error = new RollcallError('RC_LOG_UNAVAILABLE', undefined, { cause })
      for (const [, batches] of taken) for (const batch of batches) this.#settle(batch, w => w.reject(error))
      // What was written of it must not be overtaken: the next batch goes behind it, and is what announces it as durable.
      this.#env.resetReadTxn()
      for (const [partition] of taken) this.#durable[partition] = this.#tables.last(partition)
      return
    }
    for (const { batch, partition, seq } of settled) {
      this.#durable[partition] = seq
      this.#settle(batch, w => w.resolve(seq))
    }
    this.#announce(taken.map(([partition]) => partition))
  }

  #settle(batch: Batch, settle: (waiting: Batch['waiting'][number]) => void): void {
    this.#waiting -= batch.events.length
    batch.waiting.forEach(settle)
  }

  #announce(partitions: number[]): void {
    const durable = partitions.map((p): [number, Seq] => [p, this.#durable[p]!])
    for (const port of this.#ports) port.postMessage({ durable } satisfies ToFollower)
    for (const partition of partitions) this.#arrivals.tell(partition)
  }

  serve(port: MessagePort): void {
    this.#ports.add(port)
    port.on('close', () => this.#ports.delete(port))
    port.on('message', async (message: FromFollower) => {
      const { id, partition } = message
      const work = 'below' in message ? this.trim(partition, message.below) : this.append(partition, message.events)
      const answer = await work.then(
        seq => ({ id, seq }),
        (error: RollcallError) => ({ id, error: { code: error.code, message: error.message } }),
      )
      port.postMessage(answer satisfies ToFollower)
    })
    port.unref()
    const durable = this.#durable.map((seq, p): [number, Seq] => [p, seq])
    const origins = this.#durable.map((_, p) => this.#tables.origin(p))
    port.postMessage({ durable, origins } satisfies ToFollower)
  }

  read(partition: number, after: Seq, signal?: AbortSignal): AsyncIterable<Entry[]> {
    const last = (): Seq => this.#durable[partition]!
    const entries = (from: Seq, until: Seq): Entry[] => this.#tables.between(partition, from, until)
    return readEntries({ partition, after, signal, arrivals: this.#arrivals, last, entries })
  }

  async bounds(partition: number): Promise<Bounds> {
    const last = this.#durable[partition]!
    return { incarnation: this.#tables.origin(partition).incarnation, first: this.#tables.first(partition, last), last }
  }

  async mark(partition: number, seq: Seq): Promise<string | null> {
    return this.#tables.mark(partition, seq)
  }

  async trim(partition: number, below: Seq): Promise<number> {
    if (this.#closed) throw new RollcallError('RC_LOG_UNAVAILABLE', 'The log is closed.')
    const last = this.#durable[partition]!
    return await this.#tables.remove(partition, this.#tables.first(partition, last), Math.min(below, last))
  }

  async renew(partition: number, first: Seq): Promise<void> {
    const last = this.#durable[partition]!
    await this.#tables.remove(partition, this.#tables.first(partition, last), last + 1)
    await this.#tables.begin(partition, first)
    this.#durable[partition] = first - 1
  }

  async close(): Promise<void> {
    this.#closed = true
    while (this.#flushing || this.#open.size > 0) {
      if (this.#flushing) await this.#flushing
      else await new Promise(resolve => setImmediate(resolve))
    }
    for (const port of this.#ports) port.close()
    await this.#tables.close()
  }
}

function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the disk did not answer in time')), FLUSH_DEADLINE_MS)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

import type { MessagePort } from 'node:worker_threads'
import type { Cancel, Time } from '../../time.ts'
import { Arrivals } from '../arrivals.ts'
import type { Seq } from '../index.ts'
import type { ToFollower } from './follower.ts'

/** Readers are told no oftener: each time costs them as much as dozens of beats. What comes alone they are told of at once. */
const TOLD_EVERY_MS = 20

/** Who reads the log, in the thread of the writer and in others, and is told up to where it is durable. */
export class Readers {
  readonly arrivals = new Arrivals()
  readonly #time: Time
  /** the last durable seq of each partition */
  readonly #durable: readonly Seq[]
  readonly #ports = new Set<MessagePort>()
  /** partitions of which more is durable than was told */
  readonly #untold = new Set<number>()
  /** ms, monotonic */
  #toldAt = Number.NEGATIVE_INFINITY
  /** ends the wait until all are told again */
  #cancel: Cancel | undefined

  constructor(durable: readonly Seq[], time: Time) {
    this.#durable = durable
    this.#time = time
  }

  add(port: MessagePort): void {
    this.#ports.add(port)
    port.on('close', () => this.#ports.delete(port))
  }

  /** More of these partitions is durable. */
  announce(partitions: Iterable<number>): void {
    for (const partition of partitions) this.#untold.add(partition)
    const wait = this.#toldAt + TOLD_EVERY_MS - this.#time.monotonic()
    if (wait <= 0) this.tell()
    else this.#cancel ??= this.#time.after(wait, () => this.tell())
  }

  /** Tells at once all that is not told, and of these partitions. */
  tell(partitions: Iterable<number> = []): void {
    for (const partition of partitions) this.#untold.add(partition)
    this.#cancel?.()
    this.#cancel = undefined
    this.#toldAt = this.#time.monotonic()
    const durable = Array.from(this.#untold, (p): [number, Seq] => [p, this.#durable[p]!])
    this.#untold.clear()
    for (const port of this.#ports) port.postMessage({ durable } satisfies ToFollower)
    for (const [partition] of durable) this.arrivals.tell(partition)
  }

  close(): void {
    this.#cancel?.()
    for (const port of this.#ports) port.close()
  }
}

import type { MessagePort } from 'node:worker_threads'
import type { Cancel, Time } from '../../time.ts'
import { Arrivals } from '../arrivals.ts'
import type { Seq } from '../index.ts'
import type { ToFollower } from './follower.ts'

/** Readers are told no oftener: each time costs them as much as dozens of beats. What comes alone they are told of at once. */
const TOLD_EVERY_MS = 20

/** Readers of the log, in the thread of the writer and in others, who are told up to where it is durable. */
export class Readers {
  readonly arrivals = new Arrivals()
  readonly #time: Time
  readonly #ports = new Set<MessagePort>()
  /** the last durable seq of partitions of which less was told */
  readonly #untold = new Map<number, Seq>()
  /** ms, monotonic */
  #toldAt = Number.NEGATIVE_INFINITY
  /** ends the wait until all are told again */
  #cancel: Cancel | undefined

  constructor(time: Time) {
    this.#time = time
  }

  add(port: MessagePort): void {
    this.#ports.add(port)
    port.on('close', () => this.#ports.delete(port))
  }

  /** Announces up to where partitions are durable now. */
  announce(durable: Iterable<[partition: number, seq: Seq]>): void {
    for (const [partition, seq] of durable) this.#untold.set(partition, seq)
    const wait = this.#toldAt + TOLD_EVERY_MS - this.#time.monotonic()
    if (wait <= 0) this.tell()
    else this.#cancel ??= this.#time.after(wait, () => this.tell())
  }

  /** Tells that at once, and all that is not told yet. */
  tell(more: Iterable<[partition: number, seq: Seq]> = []): void {
    for (const [partition, seq] of more) this.#untold.set(partition, seq)
    this.#cancel?.()
    this.#cancel = undefined
    this.#toldAt = this.#time.monotonic()
    const durable = [...this.#untold]
    this.#untold.clear()
    for (const port of this.#ports) port.postMessage({ durable } satisfies ToFollower)
    for (const [partition] of durable) this.arrivals.tell(partition)
  }

  close(): void {
    this.#cancel?.()
    for (const port of this.#ports) port.close()
  }
}

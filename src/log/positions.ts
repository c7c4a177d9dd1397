import { RollcallError } from '../errors.ts'
import type { Seq } from './index.ts'

const BOUND = 1_024

/** Where in the log something is: of each partition the greatest seq, written `7-1234,9-88`. */
export class Positions {
  readonly #seqs = new Map<number, Seq>()

  /** Adds those of a header. Throws RC_INVALID_POSITION. */
  read(header: string, partitions = BOUND): this {
    const items = header.split(',')
    if (items.length > BOUND) throw new RollcallError('RC_INVALID_POSITION')
    for (const item of items) {
      const match = /^\s*(\d{1,5})-(\d{1,15})\s*$/.exec(item)
      if (!match || Number(match[1]) >= partitions) throw new RollcallError('RC_INVALID_POSITION')
      this.add(Number(match[1]), Number(match[2]))
    }
    return this
  }

  add(partition: number, seq: Seq): void {
    if (seq > (this.#seqs.get(partition) ?? 0)) this.#seqs.set(partition, seq)
  }

  get isEmpty(): boolean {
    return this.#seqs.size === 0
  }

  [Symbol.iterator](): IterableIterator<[partition: number, seq: Seq]> {
    return this.#seqs.entries()
  }

  toString(): string {
    let text = ''
    for (const [partition, seq] of this.#seqs) text += `${text === '' ? '' : ','}${partition}-${seq}`
    return text
  }
}

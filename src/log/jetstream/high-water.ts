import type { Seq } from '../index.ts'

/** Room for one seq a partition, shared by all threads of a process. */
export const roomForHighWater = (partitions: number): SharedArrayBuffer =>
  new SharedArrayBuffer(partitions * BigInt64Array.BYTES_PER_ELEMENT)

/**
 * The high water of each partition: the greatest seq that any thread of this process was told of, by an acknowledgement,
 * by reading, or by the owner in another process. A log that ends below this mark lost its tail. For example, at a mark
 * of 7 a log that ends with 3 would give the seqs 4 to 7, which were applied, to what is appended now.
 */
export class HighWater {
  readonly #seqs: BigInt64Array

  constructor(room: SharedArrayBuffer) {
    this.#seqs = new BigInt64Array(room)
  }

  of(partition: number): Seq {
    return Number(Atomics.load(this.#seqs, partition))
  }

  raise(partition: number, seq: Seq): void {
    for (let known = this.of(partition); known < seq; known = this.of(partition)) {
      Atomics.compareExchange(this.#seqs, partition, BigInt(known), BigInt(seq))
    }
  }

  /** The partition begins anew, after `last`. */
  reset(partition: number, last: Seq): void {
    Atomics.store(this.#seqs, partition, BigInt(last))
  }
}

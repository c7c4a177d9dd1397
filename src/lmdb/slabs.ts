/** Slabs: memory for bytes that many others are written with, used again once LMDB has them. */

/** Bytes of a slab; what is longer has memory of its own. */
const SLAB = 256 * 1024
/** Slabs of the thread that nobody uses. */
const spare: Buffer[] = []

/** Slabs in use for one write: Buffers of their own would be garbage until the next collection, and be as much again. */
export class Slabs {
  #slabs: Buffer[] = []
  #used = SLAB

  /** Bytes of a slab, which hold anything. */
  readonly take = (bytes: number): Buffer => {
    if (bytes > SLAB) return Buffer.allocUnsafeSlow(bytes)
    if (this.#used + bytes > SLAB) {
      this.#slabs.push(spare.pop() ?? Buffer.allocUnsafeSlow(SLAB))
      this.#used = 0
    }
    const from = this.#used
    this.#used += bytes
    return this.#slabs.at(-1)!.subarray(from, this.#used)
  }

  /** Gives all back that was taken. To be called when the write has come through, since LMDB reads until then. */
  free(): void {
    if (this.#slabs.length === 0) return
    // After a time of many writes at once they go one by one.
    if (spare.length > 2 * this.#slabs.length) spare.pop()
    spare.push(...this.#slabs)
    this.#slabs = []
    this.#used = SLAB
  }
}

import { LRUCache } from 'lru-cache'
import type { Blob, Blobs } from './blobs.ts'
import { decode, EMPTY, type Run } from './run.ts'

/** An id in memory, beyond what it is in its blob. */
const ID_BYTES = 64

/** The runs that were read or written last, as far as they fit. */
export class RunCache {
  readonly #blobs: Blobs
  readonly #runs: LRUCache<string, Run>

  constructor(blobs: Blobs, bytes: number) {
    this.#blobs = blobs
    this.#runs = new LRUCache({
      maxSize: bytes,
      sizeCalculation: ({ ids, body }) => 1 + body.length + ids.length * ID_BYTES,
    })
  }

  keep({ ids }: Blob, run: Run): void {
    if (ids.length > 0) this.#runs.set(ids[0]!, run)
  }

  /** Undefined where the blob is gone. */
  async get(wanted: Blob[]): Promise<(Run | undefined)[]> {
    const cached = wanted.map(({ ids }) => (ids.length === 0 ? EMPTY : this.#runs.get(ids[0]!)))
    const missing = wanted.filter((_, i) => cached[i] === undefined)
    const read = (await this.#blobs.read(missing)).map(bytes => bytes && decode(bytes))
    for (const [i, blob] of missing.entries()) if (read[i]) this.keep(blob, read[i])
    return cached.map(run => run ?? read.shift())
  }
}

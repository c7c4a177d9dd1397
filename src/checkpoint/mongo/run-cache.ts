import { LRUCache } from 'lru-cache'
import type { Blob } from '../blobs.ts'
import { type Run, weightOf } from '../run.ts'

/** The runs that were read or written last, as far as they fit. */
export class RunCache {
  readonly #runs: LRUCache<string, Run>

  constructor(bytes: number) {
    this.#runs = new LRUCache({ maxSize: Math.max(1, bytes), sizeCalculation: run => 1 + weightOf(run) })
  }

  keep({ ids }: Blob, run: Run): void {
    if (ids.length > 0) this.#runs.set(ids[0]!, run)
  }

  get({ ids }: Blob): Run | undefined {
    return this.#runs.get(ids[0]!)
  }
}

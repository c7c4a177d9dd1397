/** Arrivals: readers that wait at the end of a partition, until something comes behind it. */
export class Arrivals {
  readonly #waiting = new Map<number, Set<() => void>>()

  /** Resolves when something comes, or the signal aborts. */
  next(partition: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiting = this.#waiting.get(partition) ?? new Set()
    this.#waiting.set(partition, waiting.add(resolve))
    const aborted = (): void => {
      waiting.delete(resolve)
      resolve()
    }
    signal?.addEventListener('abort', aborted)
    return promise.finally(() => signal?.removeEventListener('abort', aborted))
  }

  tell(partition: number): void {
    for (const resolve of this.#waiting.get(partition) ?? []) resolve()
    this.#waiting.delete(partition)
  }
}

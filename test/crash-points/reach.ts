/** The way of one process to its stores. From its end on nothing gets through, and what was under way comes to its end. */
export class Reach {
  readonly #underWay = new Set<Promise<unknown>>()
  #isOver = false

  /** A store as the process reaches it. */
  to<T extends object>(store: T): T {
    return new Proxy(store, {
      get: (_, name) => {
        const member = store[name as keyof T]
        if (typeof member !== 'function') return member
        return (...args: unknown[]) => this.#call(() => member.apply(store, args))
      },
    })
  }

  /** Lets nothing begin any more. */
  end(): Promise<void> {
    this.#isOver = true
    return this.settled()
  }

  /** Resolves when nothing that was begun before is under way, but for a wait for more of a log. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay)
  }

  #call(work: () => unknown): unknown {
    if (this.#isOver) return new Promise(() => {})
    const called = work()
    if (isIterable(called)) return this.#iterable(called)
    if (called instanceof Promise) this.#track(called)
    return called
  }

  #iterable(source: AsyncIterable<unknown>): AsyncIterable<unknown> {
    return {
      [Symbol.asyncIterator]: () => {
        const inner = source[Symbol.asyncIterator]()
        const over = new Promise<never>(() => {})
        return {
          next: () => (this.#isOver ? over : inner.next()),
          return: async () => (this.#isOver ? over : (inner.return?.() ?? { done: true, value: undefined })),
        }
      },
    }
  }

  #track(called: Promise<unknown>): void {
    this.#underWay.add(called)
    called.catch(() => {}).finally(() => this.#underWay.delete(called))
  }
}

const isIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value

import { setImmediate as immediate } from 'node:timers/promises'
import type { Faults } from '../../src/observe/index.ts'
import type { Time } from '../../src/time.ts'

interface Timer {
  at: number
  call(): void
}

/** A time that goes on only when a test says so. Its timers ring in their order, each with the clocks at its moment. */
export class ManualTime implements Time {
  #wall: number
  #elapsed = 0
  #ids = 0
  readonly #timers = new Set<Timer>()

  constructor(wall = Date.UTC(2026, 0, 1, 12)) {
    this.#wall = wall
  }

  now(): number {
    return this.#wall
  }

  monotonic(): number {
    return this.#elapsed
  }

  /** Sets the wall clock, as an administrator would: timers and the monotonic clock do not notice. */
  set(wall: number): void {
    this.#wall = wall
  }

  /** Timers that have not rung. */
  get timers(): number {
    return this.#timers.size
  }

  /** Lets `ms` pass, timer by timer, with a few turns after each for what it led to. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsed + ms
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.at - b.at)
      if (!next || next.at > until) break
      this.#pass(next.at - this.#elapsed)
      this.#timers.delete(next)
      next.call()
      await this.settle()
    }
    this.#pass(until - this.#elapsed)
    await this.settle()
  }

  /** Lets no time pass, but turns of the event loop. */
  async settle(turns = 5): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await immediate()
  }

  #pass(ms: number): void {
    this.#elapsed += ms
    this.#wall += ms
  }

  after(ms: number, call: () => void): () => void {
    const timer = { at: this.#elapsed + Math.max(0, ms), call }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  every(ms: number, call: () => void): () => void {
    let cancel = this.after(ms, ring.bind(this))
    function ring(this: ManualTime): void {
      cancel = this.after(ms, ring.bind(this))
      call()
    }
    return () => cancel()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const cancel = this.after(ms, resolve)
      signal?.addEventListener('abort', () => {
        cancel()
        resolve()
      })
    })
  }

  turn(): Promise<void> {
    return immediate()
  }

  id(): string {
    return `00000000-0000-4000-8000-${String(++this.#ids).padStart(12, '0')}`
  }
}

/** Faults as they were told. */
export function toldFaults(): Faults & { all: [step: string, error: unknown][] } {
  const all: [step: string, error: unknown][] = []
  return { all, report: (step, error) => void all.push([step, error]) }
}

import type { Cancel, Time } from '../../src/time.ts'

/** The true time at which every history begins. */
export const NOON = Date.UTC(2026, 0, 1, 12)

interface Due {
  at: number
  n: number
  /** null: it was cancelled */
  call: (() => void) | null
}

/** The one order of everything that happens: what is due first, of what is due at once what was asked for first. */
export class Clock {
  /** true ms since the beginning */
  elapsed = 0
  #asked = 0
  #ids = 0
  readonly #due: Due[] = []

  /** Calls after `ms`, in its turn. */
  after(ms: number, call: () => void): Cancel {
    const due: Due = { at: this.elapsed + Math.max(0, ms), n: ++this.#asked, call }
    let low = 0
    for (let high = this.#due.length; low < high; ) {
      const middle = (low + high) >> 1
      if (this.#due[middle]!.at <= due.at) low = middle + 1
      else high = middle
    }
    this.#due.splice(low, 0, due)
    return () => {
      due.call = null
    }
  }

  wait(ms: number): Promise<void> {
    return new Promise(resolve => this.after(ms, resolve))
  }

  id(): string {
    const n = String(++this.#ids).padStart(8, '0')
    return `${n}-0000-4000-8000-0000${n}`
  }

  /** Lets `ms` pass, one thing that is due after another, each with all that follows from it at once. */
  async pass(ms: number): Promise<void> {
    const until = this.elapsed + ms
    for (;;) {
      await consequences()
      while (this.#due[0]?.call === null) this.#due.shift()
      const [next] = this.#due
      if (!next || next.at > until) break
      this.#due.shift()
      this.elapsed = Math.max(this.elapsed, next.at)
      next.call!()
    }
    this.elapsed = until
  }

  /** Lets time pass until the work is done; throws if that takes longer than `ms`. */
  async until<T>(work: Promise<T>, ms: number, name: string): Promise<T> {
    let isDone = false
    const done = work.finally(() => {
      isDone = true
    })
    done.catch(() => {})
    const until = this.elapsed + ms
    for (await consequences(); !isDone; ) {
      if (this.elapsed >= until) throw new Error(`${name} did not end within ${ms} ms`)
      await this.pass(50)
    }
    return done
  }
}

/** Resolves when all has happened that waits for no time: a tick that is asked for in a microtask comes when none is left. */
const consequences = (): Promise<void> => new Promise(resolve => process.nextTick(resolve))

/** A run of a process or a shard: dead, nothing of it happens any more; frozen, it happens when it is thawed. */
export class Life {
  readonly #of: Life | undefined
  readonly #held: (() => void)[] = []
  #isDead = false
  #isFrozen = false

  /** A life within another one ends and freezes with it. */
  constructor(of?: Life) {
    this.#of = of
  }

  get isOver(): boolean {
    return this.#isDead || (this.#of?.isOver ?? false)
  }

  end(): void {
    this.#isDead = true
  }

  freeze(): void {
    this.#isFrozen = true
  }

  thaw(): void {
    this.#isFrozen = false
    for (const call of this.#held.splice(0)) this.run(call)
  }

  run(call: () => void): void {
    if (this.#isDead) return
    if (this.#isFrozen) this.#held.push(call)
    else if (this.#of) this.#of.run(call)
    else call()
  }

  /** Resolves at once in a life that goes on, when it is thawed in a frozen one, never in one that is over. */
  goesOn(): Promise<void> {
    return new Promise(resolve => this.run(resolve))
  }
}

/** The time of a life: its wall clock may be wrong by `skew()`. */
export function timeOf(clock: Clock, life: Life, skew: () => number): Time {
  const after = (ms: number, call: () => void): Cancel => clock.after(ms, () => life.run(call))
  return {
    now: () => NOON + Math.round(clock.elapsed + skew()),
    monotonic: () => clock.elapsed,
    after,
    sleep: (ms, signal) =>
      new Promise(resolve => {
        if (signal?.aborted) return resolve()
        const end = (): void => {
          cancel()
          signal?.removeEventListener('abort', end)
          resolve()
        }
        const cancel = after(ms, end)
        signal?.addEventListener('abort', end)
      }),
    every(ms, call) {
      let cancel = after(ms, ring)
      function ring(): void {
        cancel = after(ms, ring)
        call()
      }
      return () => cancel()
    },
    turn: () => new Promise(resolve => clock.after(0, () => life.run(resolve))),
    id: () => clock.id(),
  }
}

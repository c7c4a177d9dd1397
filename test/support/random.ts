/** A repeatable stream of random numbers: the seed is printed and can be given as ROLLCALL_TEST_SEED. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** mulberry32: at least 0, below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)] as T
  }

  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items]
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.int(0, i)
      const item = shuffled[i] as T
      shuffled[i] = shuffled[j] as T
      shuffled[j] = item
    }
    return shuffled
  }

  /** Cuts a list into pieces of 1 to `longest` items. */
  cut<T>(items: readonly T[], longest: number): T[][] {
    const pieces: T[][] = []
    for (let from = 0; from < items.length; ) {
      const to = from + this.int(1, longest)
      pieces.push(items.slice(from, to))
      from = to
    }
    return pieces
  }
}

export function seeded(name: string): Random {
  const seed = Number(process.env.ROLLCALL_TEST_SEED ?? Date.now() % 1_000_000_007)
  console.log(`${name}: ROLLCALL_TEST_SEED=${seed}`)
  return new Random(seed)
}

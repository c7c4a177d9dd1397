const SECONDS = 60

/** How often things happened in the last minute, by their names; there are no more names than a machine has edges. */
export class Minute {
  readonly #counts: Map<string, number>[] = Array.from({ length: SECONDS }, () => new Map())
  /** the second of the newest count, by any clock */
  #second = 0

  add(name: string, ms: number, by = 1): void {
    this.#goOnTo(ms)
    const counts = this.#counts[this.#second % SECONDS]!
    counts.set(name, (counts.get(name) ?? 0) + by)
  }

  sums(ms: number): Record<string, number> {
    this.#goOnTo(ms)
    const sums: Record<string, number> = {}
    for (const counts of this.#counts) for (const [name, count] of counts) sums[name] = (sums[name] ?? 0) + count
    return sums
  }

  #goOnTo(ms: number): void {
    const second = Math.max(this.#second, Math.floor(ms / 1_000))
    for (let passed = Math.min(second - this.#second, SECONDS); passed > 0; passed--)
      this.#counts[(second - passed + 1) % SECONDS]!.clear()
    this.#second = second
  }
}

/** Positions of what was accepted, as the header `Rollcall-Position` lists them: `7-1234,9-88`. */
export class Positions {
  readonly #greatest = new Map<string, bigint>()

  /** Keeps the greatest seq of each partition. */
  add(list: string): void {
    for (const position of list.split(',')) {
      const [, partition, seq] = /^\s*(\d+)-(\d+)\s*$/.exec(position) ?? []
      if (partition === undefined) continue
      const known = this.#greatest.get(partition)
      if (known === undefined || BigInt(seq!) > known) this.#greatest.set(partition, BigInt(seq!))
    }
  }

  get isEmpty(): boolean {
    return this.#greatest.size === 0
  }

  toString(): string {
    return [...this.#greatest].map(([partition, seq]) => `${partition}-${seq}`).join(',')
  }
}

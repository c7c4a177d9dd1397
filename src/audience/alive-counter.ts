/** Seconds that are counted in an array, each at one place of it, a power of two; those that find theirs taken are rare. */
const NEAR = 128

const secondOf = (at: number): number => Math.floor(at / 1_000)

/** How many viewers had their newest beat in each second. */
export class AliveCounter {
  /** another one counts the same by now */
  isGone = false
  /** which second each place counts, and how many */
  readonly #seconds = new Float64Array(NEAR)
  readonly #near = new Int32Array(NEAR)
  readonly #far = new Map<number, number>()

  add(at: number, by: 1 | -1): void {
    const second = secondOf(at)
    const place = second & (NEAR - 1)
    if (this.#seconds[place] !== second) this.#bring(second, place)
    this.#near[place] = Math.max(0, this.#near[place]! + by)
  }

  /** Counts those who beat at that time or later, and forgets all before. */
  since(at: number): number {
    const first = secondOf(at)
    let count = 0
    for (let place = 0; place < NEAR; place++) {
      if (this.#seconds[place]! < first) this.#near[place] = 0
      count += this.#near[place]!
    }
    for (const [second, viewers] of this.#far) {
      if (second < first) this.#far.delete(second)
      else count += viewers
    }
    return count
  }

  /** Gives the place to that second, which has none. */
  #bring(second: number, place: number): void {
    const viewers = this.#near[place]!
    if (viewers > 0) this.#far.set(this.#seconds[place]!, viewers)
    this.#seconds[place] = second
    this.#near[place] = 0
    if (this.#far.size === 0) return
    this.#near[place] = this.#far.get(second) ?? 0
    this.#far.delete(second)
  }
}

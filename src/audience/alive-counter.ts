/** Seconds that are counted in an array, a power of two; what is further away is rare. */
const NEAR = 128

const secondOf = (at: number): number => Math.floor(at / 1_000)

/** How many viewers had their newest beat in each second. */
export class AliveCounter {
  /** another one counts the same by now */
  isGone = false
  /** the first of the seconds that are near; undefined: nobody asked yet, and none is */
  #first: number | undefined
  readonly #near = new Int32Array(NEAR)
  readonly #far = new Map<number, number>()

  add(at: number, by: 1 | -1): void {
    const second = secondOf(at)
    if (this.#isNear(second)) this.#near[second % NEAR] = Math.max(0, this.#near[second % NEAR]! + by)
    else this.#bump(second, by)
  }

  /** Counts those who beat at that time or later, and forgets all before. */
  since(at: number): number {
    this.#begin(secondOf(at))
    let count = 0
    for (const viewers of this.#near) count += viewers
    for (const viewers of this.#far.values()) count += viewers
    return count
  }

  #begin(first: number): void {
    const former = this.#first
    // A clock that went back finds near what is far now.
    if (former !== undefined && first < former) this.#takeFar(former)
    else if (former !== undefined)
      for (let s = former; s < Math.min(first, former + NEAR); s++) this.#near[s % NEAR] = 0
    this.#first = first
    for (const [second, viewers] of this.#far) {
      if (second < first) this.#far.delete(second)
      else if (this.#isNear(second)) {
        this.#near[second % NEAR] = viewers
        this.#far.delete(second)
      }
    }
  }

  #takeFar(first: number): void {
    for (let s = first; s < first + NEAR; s++) {
      const viewers = this.#near[s % NEAR]!
      if (viewers > 0) this.#far.set(s, viewers)
    }
    this.#near.fill(0)
  }

  #isNear(second: number): boolean {
    return this.#first !== undefined && second >= this.#first && second < this.#first + NEAR
  }

  #bump(second: number, by: 1 | -1): void {
    const count = (this.#far.get(second) ?? 0) + by
    if (count > 0) this.#far.set(second, count)
    else this.#far.delete(second)
  }
}

/** Seconds that are counted in an array, each at one place of it, a power of two; those that find theirs taken are rare. */
const NEAR = 128

/** A record of it. */
export interface AliveRecord {
  /** the first second it says anything of */
  since: number
  /** seconds after that one, each followed by how many there are in it */
  counts: number[]
}

export const secondOf = (at: number): number => Math.floor(at / 1_000)

/** How many viewers had their newest beat in each second. */
export class AliveCounter {
  /** another one counts the same by now */
  isGone = false
  /** it changed since its record was taken */
  isDirty = false
  /** which second each place counts, and how many */
  readonly #seconds = new Float64Array(NEAR)
  readonly #near = new Int32Array(NEAR)
  readonly #far = new Map<number, number>()

  static of({ since, counts }: AliveRecord): AliveCounter {
    const counter = new AliveCounter()
    for (let i = 0; i < counts.length; i += 2) counter.#add(since + counts[i]!, counts[i + 1]!)
    return counter
  }

  /** Users heard in that second, or after it. */
  record(since: number): AliveRecord {
    this.isDirty = false
    const known: number[] = []
    for (let place = 0; place < NEAR; place++) {
      if (this.#near[place]! > 0 && this.#seconds[place]! >= since) known.push(this.#seconds[place]!)
    }
    for (const [second, viewers] of this.#far) if (viewers > 0 && second >= since) known.push(second)
    known.sort((a, b) => a - b)
    const counts: number[] = []
    for (const second of known) counts.push(second - since, this.#far.get(second) ?? this.#near[second & (NEAR - 1)]!)
    return { since, counts }
  }

  add(at: number, by: 1 | -1): void {
    this.isDirty = true
    this.#add(secondOf(at), by)
  }

  /** Counts those who beat at that time or later. */
  since(at: number): number {
    const first = secondOf(at)
    let count = 0
    for (let place = 0; place < NEAR; place++) if (this.#seconds[place]! >= first) count += this.#near[place]!
    for (const [second, viewers] of this.#far) if (second >= first) count += viewers
    return count
  }

  /** Forgets all before that second; true if nobody is left. */
  forget(first: number): boolean {
    let isLeft = false
    for (let place = 0; place < NEAR; place++) {
      if (this.#seconds[place]! < first) this.#near[place] = 0
      else if (this.#near[place]! > 0) isLeft = true
    }
    for (const [second, viewers] of this.#far) {
      if (second < first) this.#far.delete(second)
      else if (viewers > 0) isLeft = true
    }
    return !isLeft
  }

  #add(second: number, by: number): void {
    const place = second & (NEAR - 1)
    if (this.#seconds[place] !== second) this.#bring(second, place)
    this.#near[place] = Math.max(0, this.#near[place]! + by)
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

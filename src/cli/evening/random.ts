/** Seeded chance: the same seed and stream give the same numbers on every machine. */
export interface Random {
  /** from 0, under 1 */
  next(): number
  /** a whole number, both ends included */
  between(least: number, greatest: number): number
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T
  /** the same in another order */
  shuffled<T>(items: readonly T[]): T[]
  /** an index, in proportion to the weights */
  weighted(weights: readonly number[]): number
  /** lower case hex digits */
  hex(digits: number): string
}

/** `stream` names an independent sequence of one seed, so that one viewer more does not change the others. */
export function random(seed: number, stream = 0): Random {
  const next = mulberry32(scramble(scramble(seed) ^ Math.imul(stream, 0x9e3779b1)))
  const between = (least: number, greatest: number) => least + Math.floor(next() * (greatest - least + 1))
  return {
    next,
    between,
    chance: probability => next() < probability,
    pick: items => items[between(0, items.length - 1)]!,
    shuffled(items) {
      const left = [...items]
      return items.map(() => left.splice(between(0, left.length - 1), 1)[0]!)
    },
    weighted(weights) {
      let left = next() * weights.reduce((sum, weight) => sum + weight, 0)
      const index = weights.findIndex(weight => {
        left -= weight
        return left < 0
      })
      return index < 0 ? weights.length - 1 : index
    },
    hex: digits => Array.from({ length: digits }, () => between(0, 15).toString(16)).join(''),
  }
}

function mulberry32(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Finaliser of MurmurHash3: neighbouring seeds must not give neighbouring sequences. */
function scramble(value: number): number {
  let mixed = value | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

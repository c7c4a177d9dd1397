/** Places that have memory together. */
const TOGETHER = 1_024

/** Where the numbers of one actor are: from a cell on. */
export interface Place {
  cells: Float64Array
  from: number
}

/** Places of zeros, one after another. */
class Fresh {
  readonly #size: number
  #next: Place = { cells: new Float64Array(0), from: 0 }

  constructor(size: number) {
    this.#size = size
  }

  take(): Place {
    const { cells, from } = this.#next
    if (from === cells.length) this.#next = { cells: new Float64Array(TOGETHER * this.#size), from: 0 }
    const place = { ...this.#next }
    this.#next.from += this.#size
    return place
  }
}

/** The numbers of the actors of a partition: in an object of its own each time would be one more object, and as much again. */
export class Ledger {
  readonly #size: number
  readonly #fresh: Fresh
  /** Places of those that left memory, which go with the last that has one. */
  readonly #left: Fresh
  readonly #free: Place[] = []

  /** `size` is how many numbers an actor has. */
  constructor(size: number) {
    this.#size = size
    this.#fresh = new Fresh(size)
    this.#left = new Fresh(size)
  }

  /** A place of zeros, which is nobody else's. */
  take(): Place {
    return this.#free.pop() ?? this.#fresh.take()
  }

  /** Takes a place back; answers one that has the same numbers, and that nobody gets after. */
  giveBack({ cells, from }: Place): Place {
    const left = this.#left.take()
    for (let i = 0; i < this.#size; i++) left.cells[left.from + i] = cells[from + i]!
    cells.fill(0, from, from + this.#size)
    this.#free.push({ cells, from })
    return left
  }
}

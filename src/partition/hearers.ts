import type { Resident } from './resident.ts'
import type { Residents } from './residents.ts'

/** Residents that the rows of entries are about, in the order of the rows: found when these are prepared, for when they are applied. */
export class Hearers {
  readonly #residents: Residents
  readonly #found: (Resident | undefined)[] = []
  #next = 0

  constructor(residents: Residents) {
    this.#residents = residents
  }

  /** The rows that come are of other entries. */
  clear(): void {
    this.#found.length = 0
    this.#next = 0
  }

  find(kind: string, key: string): Resident | undefined {
    const resident = this.#residents.find(kind, key)
    this.#found.push(resident)
    return resident
  }

  /** The resident of the next row; it is looked up if it was not in memory, or rows were left out. */
  next(kind: string, key: string): Resident | undefined {
    const found = this.#found[this.#next++]
    return found?.key === key && found.kind.kind === kind ? found : this.#residents.find(kind, key)
  }
}

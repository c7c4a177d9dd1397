import type { Time } from '../time.ts'

/** Work that is counted and, where a rate is asked for, held back to so much of it a second. */
export class Pace {
  readonly #rate: number
  readonly #time: Time
  readonly #since: number
  #spent = 0

  /** `rate` null: as fast as it goes. */
  constructor(rate: number | null, time: Time) {
    this.#rate = rate ?? Number.POSITIVE_INFINITY
    this.#time = time
    this.#since = time.monotonic()
  }

  /** Resolves when so much more may have been done. */
  async spend(count: number): Promise<void> {
    this.#spent += count
    if (this.#ahead <= 0) await this.#time.turn()
    // A timer may ring a part of a millisecond too early.
    while (this.#ahead > 0) await this.#time.sleep(this.#ahead)
  }

  /** How much too soon it is for what was spent (ms). */
  get #ahead(): number {
    return (this.#spent / this.#rate) * 1_000 - (this.#time.monotonic() - this.#since)
  }
}

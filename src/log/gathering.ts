/** So many callers are worth a send. */
const ENOUGH = 8
/** Each time that callers stay away, so many of those who were missing are not expected any more. */
const GIVEN_UP = 1 / 4

/**
 * Callers who wait for the next send, and how many are expected: as many as lately waited at once. Callers who wait for an
 * answer before they send again soon all wait, however few they are, and more cannot come; where they come by themselves,
 * more do.
 */
export class Gathering {
  #expected = 0
  #callers = 0
  #last: unknown

  /** Things of one caller, as the parts of a request for all partitions, come one after another. */
  add(caller: unknown): void {
    if (caller === this.#last) return
    this.#callers++
    this.#last = caller
  }

  /** False while some are missing who are expected. */
  get isComplete(): boolean {
    return this.#callers >= Math.round(this.#expected)
  }

  /** All who wait are sent; others gather. */
  end(): void {
    const missing = this.#expected - this.#callers
    this.#expected = missing > 0 ? this.#expected - GIVEN_UP * missing : Math.min(this.#callers, ENOUGH)
    this.#callers = 0
    this.#last = undefined
  }
}

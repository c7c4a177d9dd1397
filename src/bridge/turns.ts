import type { Time } from '../time.ts'

/**
 * Turns of work that takes long, reads and large bodies: one begins in each turn of the event loop, so that what comes
 * meanwhile, heartbeats above all, is taken between them, however many there are. No connection waits for more than one.
 */
export class Turns {
  readonly #time: Pick<Time, 'turn'>
  readonly #waiting: (() => void)[] = []
  #isTaken = false

  constructor(time: Pick<Time, 'turn'>) {
    this.#time = time
  }

  /** Resolves when it is the caller's turn, at once where nobody had this one. */
  async next(): Promise<void> {
    if (this.#isTaken) return new Promise(begin => this.#waiting.push(begin))
    this.#isTaken = true
    this.#pass()
  }

  async #pass(): Promise<void> {
    for (;;) {
      await this.#time.turn()
      const begin = this.#waiting.shift()
      if (!begin) break
      begin()
    }
    this.#isTaken = false
  }
}

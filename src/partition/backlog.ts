/** With so many events, or so many actors that are whole in memory until they are committed, nothing more is applied. */
const [MOST_EVENTS, MOST_ACTORS] = [50_000, 4_000]

/** How much was applied: events, and actors that these changed whole or of which documents became due. */
export interface Size {
  events: number
  actors: number
}

/** The backlog of a partition: what is applied and not committed. */
export class Backlog {
  #events = 0
  #actors = 0

  /** How much that is as of now. */
  get size(): Size {
    return { events: this.#events, actors: this.#actors }
  }

  /** True if so much is in no commit yet that nothing more is to be applied. */
  get isFull(): boolean {
    return this.#events > MOST_EVENTS || this.#actors > MOST_ACTORS
  }

  applied({ events, actors }: Size): void {
    this.#events += events
    this.#actors += actors
  }

  committed({ events, actors }: Size): void {
    this.#events -= events
    this.#actors -= actors
  }
}

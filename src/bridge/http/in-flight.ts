import type { ServerResponse } from 'node:http'

/** Knows how many requests are under way; once it is shut, none comes in any more. */
export class Door {
  readonly #empty = Promise.withResolvers<void>()
  #underWay = 0
  #isShut = false

  get isShut(): boolean {
    return this.#isShut
  }

  enter(response: ServerResponse): void {
    this.#underWay++
    response.once('close', this.#leave)
  }

  readonly #leave = (): void => {
    this.#underWay--
    if (this.#isShut && this.#underWay === 0) this.#empty.resolve()
  }

  /** Resolves when those that came in before are answered, or after `withinMs`. */
  async shut(withinMs: number): Promise<void> {
    this.#isShut = true
    if (this.#underWay === 0) return
    const late = setTimeout(() => this.#empty.resolve(), withinMs)
    await this.#empty.promise
    clearTimeout(late)
  }
}

import type { ServerResponse } from 'node:http'
import { atMost, type Time } from '../../time.ts'

/** The requests under way; once they are drained, none comes in any more. */
export class InFlight {
  readonly #time: Time
  readonly #empty = Promise.withResolvers<void>()
  #underWay = 0
  #isDraining = false

  constructor(time: Time) {
    this.#time = time
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  add(response: ServerResponse): void {
    this.#underWay++
    response.once('close', this.#leave)
  }

  readonly #leave = (): void => {
    this.#underWay--
    if (this.#isDraining && this.#underWay === 0) this.#empty.resolve()
  }

  /** Resolves when those that came in before are answered, or after `withinMs`. */
  async drain(withinMs: number): Promise<void> {
    this.#isDraining = true
    if (this.#underWay > 0) await atMost(this.#time, withinMs, this.#empty.promise)
  }
}

import type { Effect } from './index.ts'

/** Actors whose effects of one kind are performed at a time. */
const WIDTH = 16

/** The effects of one kind that wait: each actor's in the order of the log, those of several actors side by side. */
export class Lane {
  readonly #perform: (effect: Effect) => Promise<void>
  readonly #queues = new Map<string, Effect[]>()
  /** actors with an effect that is not under way */
  #ready: string[] = []
  #underWay = 0
  #size = 0

  /** `perform` resolves when the actor's next effect may follow; it does not reject. */
  constructor(perform: (effect: Effect) => Promise<void>) {
    this.#perform = perform
  }

  /** Effects that are not under way. */
  get size(): number {
    return this.#size
  }

  add(effect: Effect): void {
    this.#size++
    const queue = this.#queues.get(effect.actor)
    if (queue) queue.push(effect)
    else {
      this.#queues.set(effect.actor, [effect])
      this.#ready.push(effect.actor)
    }
  }

  run(): void {
    while (this.#underWay < WIDTH) {
      const actor = this.#ready.shift()
      if (actor === undefined) return
      this.#underWay++
      this.#next(actor)
    }
  }

  /** Takes out the effect that waits the longest among those whose turn is next. */
  takeOldest(): Effect | undefined {
    const actor = this.#ready.shift()
    if (actor !== undefined) {
      const oldest = this.#take(actor)
      this.#release(actor)
      return oldest
    }
    // Every effect that waits is behind another of its actor, which is under way.
    for (const [actor, queue] of this.#queues) if (queue.length > 0) return this.#take(actor)
    return undefined
  }

  #take(actor: string): Effect {
    this.#size--
    return this.#queues.get(actor)!.shift()!
  }

  async #next(actor: string): Promise<void> {
    await this.#perform(this.#take(actor))
    this.#underWay--
    this.#release(actor)
    this.run()
  }

  #release(actor: string): void {
    if (this.#queues.get(actor)!.length > 0) this.#ready.push(actor)
    else this.#queues.delete(actor)
  }
}

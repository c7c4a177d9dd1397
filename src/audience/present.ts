import type { Presence } from '../../actors/index.ts'
import { aliveSince } from './alive.ts'
import { AliveCounter } from './alive-counter.ts'

/** How many viewers are alive, in all and on each stream, by their newest beats. */
export class Present {
  readonly #all = new AliveCounter()
  readonly #on = new Map<string, AliveCounter>()

  /** A viewer is now here instead of there. */
  moved(from: Presence | null, to: Presence): void {
    if (from) {
      this.#all.add(from.at, -1)
      if (from.stream !== null) this.#on.get(from.stream)?.add(from.at, -1)
    }
    this.#all.add(to.at, 1)
    if (to.stream !== null) this.on(to.stream).add(to.at, 1)
  }

  /** A viewer was heard again where it was before; `on` counts those of its stream. */
  stayed(on: AliveCounter | null, from: number, at: number): void {
    this.#all.add(from, -1)
    this.#all.add(at, 1)
    on?.add(from, -1)
    on?.add(at, 1)
  }

  on(stream: string): AliveCounter {
    let on = this.#on.get(stream)
    if (!on) {
      on = new AliveCounter()
      this.#on.set(stream, on)
    }
    return on
  }

  /** Viewers whose newest beat is at most 65 s before `now`, to the second. */
  alive(now: number, stream?: string): number {
    return (stream === undefined ? this.#all : this.#on.get(stream))?.since(aliveSince(now)) ?? 0
  }

  /** Forgets who is not alive any more. */
  sweep(now: number): void {
    this.#all.since(aliveSince(now))
    for (const [stream, on] of this.#on) {
      if (on.since(aliveSince(now)) > 0) continue
      on.isGone = true
      this.#on.delete(stream)
    }
  }
}

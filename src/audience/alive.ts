import { ALIVE_MS } from '../../machines/viewer.ts'
import type { Time } from '../time.ts'

/** Viewers whose newest beat is at or after this are alive, to a reader whose clock says `now`. */
export const aliveSince = (now: number): number => now - ALIVE_MS

/** When viewers who are no longer alive are to leave a set: each time 65 s of beats have come. */
export class Sweep {
  readonly #time: Time
  #newest = 0
  #sweptAt = 0

  /** `time` is that of the set's readers. */
  constructor(time: Time) {
    this.#time = time
  }

  /** ms; of all beats so far */
  get newest(): number {
    return this.#newest
  }

  /** Takes the time of a beat. */
  beat(at: number): void {
    this.#newest = Math.max(this.#newest, at)
  }

  /** The time before which beats may go; undefined while no sweep is due. From then on it counts as done. */
  due(): number | undefined {
    // A beat may be ahead of the clock by which readers ask: to them, whoever beat 65 s before it is alive still.
    const newest = Math.min(this.#newest, this.#time.now())
    if (Math.abs(newest - this.#sweptAt) < ALIVE_MS) return undefined
    this.#sweptAt = newest
    return aliveSince(newest)
  }

  /** The next sweep is due at once: the last did not come to its end. */
  undone(): void {
    this.#sweptAt = 0
  }
}

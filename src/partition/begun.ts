import type { DocumentWrite } from './projections.ts'

const MINUTE_MS = 60_000
/** Sessions of a partition that are known at once; beyond, those that came first are forgotten. */
const MOST = 10_000

/** Web sessions that began in the last minute, by the time of their first event; no part of the state. */
export class Begun {
  readonly #at = new Map<string, number>()

  /** `time` is the partition's, which is behind by an hour at most while nothing is due. */
  add(writes: readonly DocumentWrite[], time: number): void {
    for (const { collection, id, set } of writes) {
      if (collection !== 'web-sessions') continue
      const at = Number(set?.firstEventAt ?? 0)
      if (at < time - MINUTE_MS) this.#at.delete(id)
      else this.#at.set(id, at)
    }
    for (const id of this.#at.keys()) {
      if (this.#at.size <= MOST) return
      this.#at.delete(id)
    }
  }

  count(now: number): number {
    for (const [id, at] of this.#at) if (at < now - MINUTE_MS) this.#at.delete(id)
    return this.#at.size
  }
}

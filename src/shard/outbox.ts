import type { Record, RecordKey } from '../checkpoint/index.ts'
import type { Seq } from '../log/index.ts'

/** What a transition asked of the world. Its id, `<actor>:<seq>:<index>`, is the same however often it is tried. */
export interface Effect {
  id: string
  kind: string
  actor: string
  /** of the entry it stems from, and which of the actor's effects in it */
  seq: Seq
  index: number
  /** partition time */
  at: number
  payload: { [fact: string]: unknown }
  /** why it was given up after the last attempt */
  parked?: string
}

/** Effects of a partition that are not known to be done. */
export class Outbox {
  readonly #effects = new Map<string, Effect>()
  readonly #changed = new Set<string>()
  #fresh: Effect[] = []

  add(effect: Effect): void {
    this.#effects.set(effect.id, effect)
    this.#changed.add(effect.id)
    this.#fresh.push(effect)
  }

  restore(effect: Effect): void {
    this.#effects.set(effect.id, effect)
    if (effect.parked === undefined) this.#fresh.push(effect)
  }

  done(id: string): void {
    if (this.#effects.delete(id)) this.#changed.add(id)
  }

  park(id: string, why: string): void {
    const effect = this.#effects.get(id)
    if (!effect) return
    this.#effects.set(id, { ...effect, parked: why })
    this.#changed.add(id)
  }

  get hasFresh(): boolean {
    return this.#fresh.length > 0
  }

  get hasChanges(): boolean {
    return this.#changed.size > 0
  }

  /** Effects nobody was told of yet, in the order of the log. */
  takeFresh(): Effect[] {
    const fresh = this.#fresh.sort(
      (a, b) => a.seq - b.seq || (a.actor < b.actor ? -1 : a.actor > b.actor ? 1 : a.index - b.index),
    )
    this.#fresh = []
    return fresh
  }

  takeRecords(): { puts: Record[]; removes: RecordKey[] } {
    const puts: Record[] = []
    const removes: RecordKey[] = []
    for (const id of this.#changed) {
      const value = this.#effects.get(id)
      if (value) puts.push({ space: 'outbox', names: [id], value })
      else removes.push({ space: 'outbox', names: [id] })
    }
    this.#changed.clear()
    return { puts, removes }
  }

  list(): Effect[] {
    return [...this.#effects.values()]
  }
}

import type { Record, RecordKey } from '../checkpoint/index.ts'
import type { Effect } from '../notify/index.ts'

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
    this.#fresh.push(effect)
  }

  done(id: string): void {
    if (this.#effects.delete(id)) this.#changed.add(id)
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

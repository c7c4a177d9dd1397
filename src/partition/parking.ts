import type { Event } from '../../actors/event.ts'
import type { CheckpointRecord, RecordKey } from '../checkpoint/index.ts'
import type { Seq } from '../log/index.ts'

/** Events that wait for an operator; with so many the partition takes no further entry. */
const BOUND = 1_000

/** An event that could not be applied, or came after one that could not. */
export interface Parked {
  seq: Seq
  index: number
  event: Event
  /** why it could not be applied; without, it came after another that could not */
  error?: string
}

/** An operator's decision about an actor's parked events. */
export const isUnparking = ({ kind }: Event): boolean => kind === 'parked.retry' || kind === 'parked.drop'

/** Actors that are stuck, and their events in order, until these are retried or dropped. */
export class Parking {
  readonly #actors = new Map<string, Parked[]>()
  /** actors whose record can't be read */
  readonly #closed = new Map<string, string>()
  readonly #changed = new Set<string>()
  /** how many records each actor has in the checkpoint */
  readonly #kept = new Map<string, number>()
  #size = 0

  has(id: string): boolean {
    return this.#closed.has(id) || this.#actors.has(id)
  }

  close(id: string, error: Error): void {
    this.#closed.set(id, error.message)
  }

  /** Opens the actor again; false if it was not closed. */
  reopen(id: string): boolean {
    return this.#closed.delete(id)
  }

  add(id: string, parked: Parked, error?: Error): void {
    const why = error?.message ?? (this.#actors.has(id) ? undefined : this.#closed.get(id))
    const list = this.#actors.get(id) ?? []
    list.push(why === undefined ? parked : { ...parked, error: why })
    this.#actors.set(id, list)
    this.#changed.add(id)
    this.#size++
  }

  get isFull(): boolean {
    return this.#size >= BOUND
  }

  eventsOf(id: string): Event[] {
    return (this.#actors.get(id) ?? []).map(({ event }) => event)
  }

  /** Takes all that waits for the actor out of here. */
  take(id: string): Parked[] {
    const list = this.#actors.get(id) ?? []
    this.#actors.delete(id)
    this.#changed.add(id)
    this.#size -= list.length
    return list
  }

  restore(names: string[], value: unknown): void {
    const [id, n] = names as [string, string]
    const list = this.#actors.get(id) ?? []
    list[Number(n)] = value as Parked
    this.#actors.set(id, list)
    this.#kept.set(id, Math.max(this.#kept.get(id) ?? 0, Number(n) + 1))
    this.#size++
  }

  takeRecords(): { puts: CheckpointRecord[]; removes: RecordKey[] } {
    const puts: CheckpointRecord[] = []
    const removes: RecordKey[] = []
    for (const id of this.#changed) {
      const list = this.#actors.get(id) ?? []
      for (const [n, value] of list.entries()) puts.push({ space: 'parked', names: [id, String(n)], value })
      for (let n = list.length; n < (this.#kept.get(id) ?? 0); n++) {
        removes.push({ space: 'parked', names: [id, String(n)] })
      }
      if (list.length > 0) this.#kept.set(id, list.length)
      else this.#kept.delete(id)
    }
    this.#changed.clear()
    return { puts, removes }
  }

  list(): { actor: string; error: string; events: Parked[] }[] {
    return [...this.#actors].map(([actor, events]) => ({ actor, error: events[0]?.error ?? '', events }))
  }
}

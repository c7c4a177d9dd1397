import type { Event } from '../../actors/event.ts'
import type { CheckpointRecord, CheckpointStore, Claim, RecordKey } from '../checkpoint/index.ts'
import type { Seq } from '../log/index.ts'

/** Parked events in memory; beyond, they are in the checkpoint alone until they are retried or dropped. */
const MOST_AT_HAND = 1_000
/** Actors that are listed. */
const MOST_LISTED = 1_000
/** Actors of which doors are told to take nothing more for them. */
const MOST_FULL = 100
const ERROR_CHARACTERS = 1_000

/** An event that could not be applied, or came after one that could not. */
export interface Parked {
  seq: Seq
  index: number
  event: Event
  /** why it could not be applied; without, it came after another that could not */
  error?: string
  /** it answers an effect that counts as unanswered; where a former version parked an answer, the effect was done */
  isOpen?: true
}

/** An actor's events, as `/parked` shows them: all are counted, those at hand are there. */
export interface ParkedEvents {
  actor: string
  error: string
  count: number
  events: Parked[]
}

/** An actor that is stuck. */
interface Stuck {
  error: string
  count: number
  /** events at hand, by their place */
  atHand: Map<number, Parked>
  /** from this place on the checkpoint does not have them */
  fresh: number
}

/** An operator's decision about an actor's parked events. */
export const isUnparking = ({ kind }: Event): boolean => kind === 'parked.retry' || kind === 'parked.drop'

/** Actors that are stuck, and their events in order, until these are retried or dropped. */
export class Parking {
  readonly #actors = new Map<string, Stuck>()
  /** actors whose record can't be read */
  readonly #closed = new Map<string, string>()
  readonly #changed = new Set<string>()
  /** how many records each actor has in the checkpoint */
  readonly #kept = new Map<string, number>()
  /** actors with events that found no room in memory */
  readonly #full = new Set<string>()
  /** those events, until they are let go of */
  #beyond: { id: string; stuck: Stuck; place: number }[] = []
  /** of all actors */
  #atHand = 0

  has(id: string): boolean {
    return (this.#closed.size > 0 && this.#closed.has(id)) || (this.#actors.size > 0 && this.#actors.has(id))
  }

  close(id: string, error: Error): void {
    this.#closed.set(id, error.message)
  }

  /** Opens the actor again; false if it was not closed. */
  reopen(id: string): boolean {
    return this.#closed.delete(id)
  }

  add(id: string, parked: Parked, error?: Error): void {
    const stuck = this.#stuck(id)
    const why = (error?.message ?? (stuck.count > 0 ? undefined : this.#closed.get(id)))?.slice(0, ERROR_CHARACTERS)
    if (stuck.count === 0) stuck.error = why ?? ''
    this.#put(id, stuck, stuck.count, why === undefined ? parked : { ...parked, error: why })
    stuck.count++
    this.#changed.add(id)
  }

  #stuck(id: string): Stuck {
    let stuck = this.#actors.get(id)
    if (!stuck) {
      stuck = { error: '', count: 0, atHand: new Map(), fresh: 0 }
      this.#actors.set(id, stuck)
    }
    return stuck
  }

  #put(id: string, stuck: Stuck, place: number, parked: Parked): void {
    stuck.atHand.set(place, parked)
    if (++this.#atHand <= MOST_AT_HAND) return
    this.#full.add(id)
    this.#beyond.push({ id, stuck, place })
  }

  /** Events at hand, in order. */
  eventsOf(id: string): Event[] {
    return inOrder(this.#actors.get(id)).map(({ event }) => event)
  }

  /** Takes all that waits for the actor out of here; all of it must be at hand. */
  take(id: string): Parked[] {
    const stuck = this.#actors.get(id)
    const list = inOrder(stuck)
    this.#actors.delete(id)
    this.#full.delete(id)
    this.#changed.add(id)
    this.#atHand -= list.length
    return list
  }

  /** Takes a record of the checkpoint; beyond its bound only notes that it is there. */
  restore([id, name]: string[], value: unknown): void {
    const stuck = this.#stuck(id!)
    const [place, parked] = [Number(name), value as Parked]
    if (place === 0) stuck.error = parked.error ?? ''
    stuck.count = Math.max(stuck.count, place + 1)
    stuck.fresh = stuck.count
    this.#kept.set(id!, stuck.count)
    if (this.#atHand < MOST_AT_HAND) this.#put(id!, stuck, place, parked)
    else this.#full.add(id!)
  }

  /** Brings the actor's events to hand that are in the checkpoint alone. */
  async fetch(id: string, store: CheckpointStore, claim: Claim): Promise<void> {
    const stuck = this.#actors.get(id)
    if (!stuck || stuck.atHand.size === stuck.count) return
    for await (const { names, value } of store.load(claim, [{ space: 'parked', names: [id] }])) {
      const place = Number(names[1])
      if (place < stuck.fresh && !stuck.atHand.has(place)) this.#put(id, stuck, place, value as Parked)
    }
  }

  /** Lets go of what is beyond the bound and committed; called only when no commit is under way. */
  evict(): void {
    this.#beyond = this.#beyond.filter(({ id, stuck, place }) => {
      if (this.#actors.get(id) !== stuck) return false
      if (place >= stuck.fresh) return true
      if (stuck.atHand.delete(place)) this.#atHand--
      return false
    })
  }

  takeRecords(): { puts: CheckpointRecord[]; removes: RecordKey[] } {
    const puts: CheckpointRecord[] = []
    const removes: RecordKey[] = []
    for (const id of this.#changed) {
      const { count, atHand, fresh } = this.#actors.get(id) ?? { count: 0, atHand: new Map(), fresh: 0 }
      for (let n = fresh; n < count; n++) puts.push({ space: 'parked', names: [id, String(n)], value: atHand.get(n) })
      for (let n = count; n < (this.#kept.get(id) ?? 0); n++) removes.push({ space: 'parked', names: [id, String(n)] })
      if (count > 0) {
        this.#actors.get(id)!.fresh = count
        this.#kept.set(id, count)
      } else this.#kept.delete(id)
    }
    this.#changed.clear()
    return { puts, removes }
  }

  /** Actors that take no more, since some of their events are in the checkpoint alone; the first of them. */
  get full(): string[] {
    return [...this.#full].slice(0, MOST_FULL)
  }

  /** How many events are parked, of all actors. */
  get count(): number {
    return [...this.#actors.values()].reduce((sum, { count }) => sum + count, 0)
  }

  /** The first of the actors that are stuck. */
  list(): ParkedEvents[] {
    const first = [...this.#actors].slice(0, MOST_LISTED)
    return first.map(([actor, stuck]) => ({ actor, error: stuck.error, count: stuck.count, events: inOrder(stuck) }))
  }
}

const inOrder = (stuck: Stuck | undefined): Parked[] =>
  [...(stuck?.atHand ?? [])].sort(([a], [b]) => a - b).map(([, parked]) => parked)

import type { Event } from '../../actors/event.ts'
import type { Ask } from '../../machines/adoption.ts'
import type { CheckpointRecord, RecordKey } from '../checkpoint/index.ts'
import type { Seq } from '../log/index.ts'
import type { Effect } from './index.ts'

/** An effect that was tried in vain and waits for an operator. */
interface Parked {
  code: string
  error: string
}

type Held = Effect & { parked?: Parked }

/** An effect that is not done, as `GET /effects` shows it. */
export interface Waiting extends Effect {
  state: 'waiting' | 'parked'
  attempts?: number
  error?: string
  code?: string
}

/** With more parked than this, those of longest ago are given up. */
const MOST_PARKED = 1_000

const ADOPT: Ask['type'] = 'visitor-day.adopt'

const inOrder = (a: Effect, b: Effect): number =>
  a.seq - b.seq || (a.actor < b.actor ? -1 : a.actor > b.actor ? 1 : a.index - b.index)

/** Effects of a partition that are not known to be done. */
export class Outbox {
  readonly #effects = new Map<string, Held>()
  readonly #parked = new Set<string>()
  readonly #changed = new Set<string>()
  #dropped: Effect[] = []
  readonly #tried = new Map<string, { attempts: number; error: string }>()
  #fresh: Effect[] = []

  add(effect: Effect): void {
    this.#hold(effect)
    this.#fresh.push(effect)
  }

  restore(held: Held): void {
    this.#effects.set(held.id, held)
    if (held.parked) this.#parked.add(held.id)
    else this.#fresh.push(held)
  }

  done(id: string): void {
    this.#tried.delete(id)
    this.#parked.delete(id)
    if (this.#effects.delete(id)) this.#changed.add(id)
  }

  isWaiting(id: string): boolean {
    const held = this.#effects.get(id)
    return held !== undefined && held.parked === undefined
  }

  /** For those who look; an attempt is no part of the state. */
  tried(id: string, attempts: number, error: string): void {
    this.#tried.set(id, { attempts, error })
  }

  /** Takes an event of the log about one of its effects, which it answers; false: it comes too late to count. */
  take({ kind, effect: id, error, code }: Event): boolean {
    const held = this.#effects.get(String(id))
    if (held === undefined) return false
    const { parked, ...effect } = held
    if (kind === 'effect.failed') {
      if (parked) return false
      this.#park(effect, { code: String(code), error: String(error) })
    } else if (kind === 'effect.retry' || kind === 'effect.drop') {
      // What waits for what documents know would wait for ever.
      if (!parked || (kind === 'effect.drop' && held.kind === ADOPT)) return false
      if (kind === 'effect.retry') this.add(effect)
      else this.#drop(effect)
    } else this.done(effect.id)
    return true
  }

  #park(effect: Effect, parked: Parked): void {
    this.#hold({ ...effect, parked })
    this.#parked.add(effect.id)
    if (this.#parked.size <= MOST_PARKED) return
    const droppable = [...this.#parked].map(id => this.#effects.get(id)!).filter(({ kind }) => kind !== ADOPT)
    const [oldest] = droppable.sort(inOrder)
    if (oldest) this.#drop(oldest)
  }

  #drop({ parked: _, ...effect }: Held): void {
    this.done(effect.id)
    this.#dropped.push(effect)
  }

  #hold(held: Held): void {
    this.#tried.delete(held.id)
    this.#parked.delete(held.id)
    this.#effects.set(held.id, held)
    this.#changed.add(held.id)
  }

  get hasFresh(): boolean {
    return this.#fresh.length > 0
  }

  get hasChanges(): boolean {
    return this.#changed.size > 0
  }

  /** The first entry that waits for what documents know of it; Infinity if none does. */
  adoptingSince(): Seq {
    let first = Number.POSITIVE_INFINITY
    for (const { kind, seq, payload } of this.#effects.values()) {
      if (kind === ADOPT) first = Math.min(first, Number(payload.since ?? seq))
    }
    return first
  }

  get size(): number {
    return this.#effects.size
  }

  /** Effects nobody was told of yet, in the order of the log. */
  takeFresh(): Effect[] {
    const fresh = this.#fresh.sort(inOrder)
    this.#fresh = []
    return fresh
  }

  /** Effects that were given up since this was last taken. */
  takeDropped(): Effect[] {
    const dropped = this.#dropped
    this.#dropped = []
    return dropped
  }

  takeRecords(): { puts: CheckpointRecord[]; removes: RecordKey[] } {
    const puts: CheckpointRecord[] = []
    const removes: RecordKey[] = []
    for (const id of this.#changed) {
      const value = this.#effects.get(id)
      if (value) puts.push({ space: 'outbox', names: [id], value })
      else removes.push({ space: 'outbox', names: [id] })
    }
    this.#changed.clear()
    return { puts, removes }
  }

  list(): Waiting[] {
    return [...this.#effects.values()].map(({ parked, ...effect }) =>
      parked
        ? { ...effect, state: 'parked', ...parked }
        : { ...effect, state: 'waiting', ...this.#tried.get(effect.id) },
    )
  }
}

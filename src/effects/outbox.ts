import type { Event } from '../../actors/event.ts'

import type { CheckpointRecord, RecordKey } from '../checkpoint/index.ts'

import type { Seq } from '../log/index.ts'
import type { Effect } from './index.ts'

/** An effect that was tried in vain and waits for an operator. */
interface Failure {
  code: string
  error: string
}

type Pending = Effect & { parked?: Failure }

/** The place of an effect among all, the newest first. */
export type Place = Pick<Effect, 'at' | 'id'>

/** An effect that is not done, as `GET /effects` shows it. */
export interface Waiting extends Effect {
  state: 'waiting' | 'parked'
  attempts?: number
  error?: string
  code?: string
}

/** As effects are listed. */
export const newestFirst = (a: Place, b: Place): number => b.at - a.at || (a.id < b.id ? 1 : -1)

/** Parked effects that are kept; beyond, those of longest ago are given up. */
const MOST_PARKED = 1_000

const inOrder = (a: Effect, b: Effect): number =>
  a.seq - b.seq || (a.actor < b.actor ? -1 : a.actor > b.actor ? 1 : a.index - b.index)

/** Effects of a partition that are not known to be done. */
export class Outbox {
  readonly #holds: ReadonlySet<string>
  readonly #effects = new Map<string, Pending>()
  /** those that hold back what is readable */
  readonly #holding = new Set<string>()
  readonly #parked = new Set<string>()
  readonly #changed = new Set<string>()
  #dropped: Effect[] = []
  readonly #tried = new Map<string, { attempts: number; error: string }>()
  #fresh: Effect[] = []

  /** `holds` are the kinds of effect without whose answers positions are not readable. */
  constructor(holds: ReadonlySet<string>) {
    this.#holds = holds
  }

  add(effect: Effect): void {
    this.#put(effect)
    this.#fresh.push(effect)
  }

  restore(pending: Pending): void {
    this.#set(pending)
    if (pending.parked) this.#parked.add(pending.id)
    else this.#fresh.push(pending)
  }

  done(id: string): void {
    this.#tried.delete(id)
    this.#parked.delete(id)
    this.#holding.delete(id)
    if (this.#effects.delete(id)) this.#changed.add(id)
  }

  isWaiting(id: string): boolean {
    const pending = this.#effects.get(id)
    return pending !== undefined && pending.parked === undefined
  }

  /** Attempts are told for `list` alone; they are no part of the state. */
  tried(id: string, attempts: number, error: string): void {
    this.#tried.set(id, { attempts, error })
  }

  /** An event of the log about an effect counts; false: it comes too late. */
  counts({ kind, effect: id }: Event): boolean {
    const pending = this.#effects.get(String(id))
    if (pending === undefined) return false
    if (kind === 'effect.failed') return !pending.parked
    // Given up, an effect that holds would hold for ever: the actor waits on for an answer nobody will give.
    if (kind === 'effect.drop') return pending.parked !== undefined && !this.#holds.has(pending.kind)
    return kind !== 'effect.retry' || pending.parked !== undefined
  }

  /** Takes an event that counts. */
  take({ kind, effect: id, error, code }: Event): void {
    const { parked: _, ...effect } = this.#effects.get(String(id))!
    if (kind === 'effect.failed') this.#park(effect, { code: String(code), error: String(error) })
    else if (kind === 'effect.retry') this.add(effect)
    else if (kind === 'effect.drop') this.#drop(effect)
    else this.done(effect.id)
  }

  /** Has an effect performed once more whose answer was dropped. */
  renew(id: string): void {
    const pending = this.#effects.get(id)
    if (pending && !pending.parked) this.add(pending)
  }

  #park(effect: Effect, parked: Failure): void {
    this.#put({ ...effect, parked })
    this.#parked.add(effect.id)
    if (this.#parked.size <= MOST_PARKED) return
    const droppable = [...this.#parked].map(id => this.#effects.get(id)!).filter(({ kind }) => !this.#holds.has(kind))
    const [oldest] = droppable.sort(inOrder)
    if (oldest) this.#drop(oldest)
  }

  #drop({ parked: _, ...effect }: Pending): void {
    this.done(effect.id)
    this.#dropped.push(effect)
  }

  #put(pending: Pending): void {
    this.#tried.delete(pending.id)
    this.#parked.delete(pending.id)
    this.#set(pending)
    this.#changed.add(pending.id)
  }

  #set(pending: Pending): void {
    this.#effects.set(pending.id, pending)
    if (this.#holds.has(pending.kind)) this.#holding.add(pending.id)
  }

  get hasFresh(): boolean {
    return this.#fresh.length > 0
  }

  get hasChanges(): boolean {
    return this.#changed.size > 0
  }

  /** The first entry that is held back; Infinity if none is. Actors that are stuck hold nobody back. */
  heldSince(isStuck: (actor: string) => boolean): Seq {
    let first = Number.POSITIVE_INFINITY
    for (const id of this.#holding) {
      const { actor, seq, payload } = this.#effects.get(id)!
      if (isStuck(actor)) continue
      first = Math.min(first, Number(payload.since ?? seq))
    }
    return first
  }

  get size(): number {
    return this.#effects.size
  }

  /** How many wait, how many are parked, and since when (ms) the oldest waits. */
  get standing(): { waiting: number; parked: number; oldest: number | undefined } {
    let oldest: number | undefined
    for (const { parked, at } of this.#effects.values()) if (!parked && at < (oldest ?? at + 1)) oldest = at
    const parked = this.#parked.size
    return { waiting: this.#effects.size - parked, parked, oldest }
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

import { type ActorKind, splitId } from '../../actors/index.ts'
import { type Count, Meter } from '../observe/meter.ts'
import type { Resident } from './resident.ts'

/** The actors of a partition that are in memory, found by kind and key, and weighed. */
export class Awake {
  protected batch = 0
  /** by kind, then by key */
  readonly #actors: Map<string, Map<string, Resident>>
  readonly #passivations: Count
  /** what they weigh together */
  #bytes = 0

  constructor(kinds: readonly ActorKind[], meter = new Meter()) {
    this.#actors = new Map(kinds.map(({ kind }) => [kind, new Map()]))
    this.#passivations = meter.count('rollcall_passivations_total')
  }

  /** An actor, without any trace that somebody looked. */
  protected at(id: string): Resident | undefined {
    const { kind, key } = splitId(id)
    return this.#actors.get(kind)?.get(key)
  }

  /** An actor that was loaded; throws for any other. */
  get(id: string): Resident {
    const resident = this.at(id)
    if (!resident) throw new Error(`${id} is no actor that is at hand.`)
    return resident
  }

  has(id: string): boolean {
    return this.at(id) !== undefined
  }

  /** An actor, if it is in memory. */
  find(kind: string, key: string): Resident | undefined {
    const resident = this.#actors.get(kind)?.get(key)
    if (resident) resident.used = this.batch
    return resident
  }

  /** All of some kinds of which an event has come. */
  list(kinds: readonly ActorKind[]): Resident[] {
    return kinds.flatMap(({ kind }) => [...this.#actors.get(kind)!.values()].filter(({ isThere }) => isThere))
  }

  /** How many there are of each kind. */
  get counts(): ReadonlyMap<string, number> {
    return new Map([...this.#actors].map(([kind, { size }]) => [kind, size]))
  }

  /** About what they take in memory. */
  get bytes(): number {
    return this.#bytes
  }

  protected add(resident: Resident): void {
    this.#actors.get(resident.kind.kind)!.set(resident.key, resident)
    this.#bytes += resident.weigh()
  }

  /** Finds out what one of them weighs now. */
  protected weigh(resident: Resident): void {
    if (this.#actors.get(resident.kind.kind)!.get(resident.key) === resident) this.#bytes += resident.weigh()
  }

  /** Those of which nothing is to be committed, the longest idle first. */
  protected idle(): Resident[] {
    const all = [...this.#actors.values()].flatMap(each => [...each.values()])
    return all.filter(({ news }) => news === 'none').sort((a, b) => a.used - b.used)
  }

  protected remove({ key, weight, kind: { kind } }: Resident): void {
    this.#bytes -= weight
    this.#actors.get(kind)!.delete(key)
    this.#passivations.n++
  }
}

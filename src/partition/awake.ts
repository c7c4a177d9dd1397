import type { ActorKind } from '../../actors/index.ts'
import { type Count, Meter } from '../observe/meter.ts'
import type { Resident } from './resident.ts'

/** The actors of a partition that are in memory, found by their ids, or by kind and key, and weighed. */
export class Awake {
  protected batch = 0
  readonly #actors = new Map<string, Resident>()
  /** by kind, then by key: those of kinds with pulses */
  readonly #heard = new Map<string, Map<string, Resident>>()
  readonly #counts = new Map<string, number>()
  readonly #passivations: Count
  /** what they weigh together */
  #bytes = 0

  constructor(meter = new Meter()) {
    this.#passivations = meter.count('rollcall_passivations_total')
  }

  /** An actor that was loaded; throws for any other. */
  get(id: string): Resident {
    const resident = this.#actors.get(id)
    if (!resident) throw new Error(`${id} is no actor that is at hand.`)
    return resident
  }

  has(id: string): boolean {
    return this.#actors.has(id)
  }

  /** An actor, if it is in memory. */
  find(id: string): Resident | undefined {
    const resident = this.#actors.get(id)
    if (resident) resident.used = this.batch
    return resident
  }

  /** An actor of a kind with pulses, if it is in memory. */
  heard(kind: string, key: string): Resident | undefined {
    const resident = this.#heard.get(kind)?.get(key)
    if (resident) resident.used = this.batch
    return resident
  }

  /** All of some kinds of which an event has come. */
  list(kinds: readonly ActorKind[]): Resident[] {
    return [...this.#actors.values()].filter(each => each.isThere && kinds.includes(each.kind))
  }

  /** How many there are of each kind. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  /** About what they take in memory. */
  get bytes(): number {
    return this.#bytes
  }

  protected add(resident: Resident): void {
    const { id, key } = resident
    const { kind, pulse } = resident.kind
    this.#actors.set(id, resident)
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1)
    this.#bytes += resident.weigh()
    if (!pulse) return
    const known = this.#heard.get(kind) ?? new Map<string, Resident>()
    this.#heard.set(kind, known.set(key, resident))
  }

  /** Finds out what one of them weighs now. */
  protected weigh(resident: Resident): void {
    if (this.#actors.get(resident.id) === resident) this.#bytes += resident.weigh()
  }

  /** Those of which nothing is to be committed, the longest idle first. */
  protected idle(): Resident[] {
    return [...this.#actors.values()].filter(({ news }) => news === 'none').sort((a, b) => a.used - b.used)
  }

  protected remove({ id, key, weight, kind: { kind } }: Resident): void {
    this.#bytes -= weight
    this.#actors.delete(id)
    this.#counts.set(kind, this.#counts.get(kind)! - 1)
    this.#heard.get(kind)?.delete(key)
    this.#passivations.n++
  }
}

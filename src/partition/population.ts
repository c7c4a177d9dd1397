import { type ActorKind, actorId } from '../../actors/index.ts'
import type { CheckpointRecord, RecordKey } from '../checkpoint/index.ts'
import { isCode } from '../errors.ts'
import { stateName } from '../inspect/edges.ts'
import type { Seq } from '../log/index.ts'
import type { Faults } from '../observe/index.ts'
import { retry, UNTIL_DONE } from '../retry.ts'
import type { Time } from '../time.ts'
import type { Resident } from './resident.ts'
import { type KeptSnapshot, migrated } from './transitions.ts'

/** The content of the record, as of a cut: by kind the number of actors in each state, as this version names it. */
interface Kept {
  cut: Seq
  kinds: Record<string, { version: number; states: Record<string, number> }>
}

type Moving = Pick<Resident, 'id' | 'kind' | 'isThere'>
type InState = { value: unknown }
type Counts = Map<string, number>

/** Others get their turn between so many records that are counted. */
const AT_ONCE = 500

/** How many actors of a partition are in which state, by kind: part of its state, and so as exact as the actors. */
export class Population {
  readonly #kinds: ReadonlyMap<string, ActorKind>
  readonly #counts: Map<string, Counts>
  /** kinds whose actors are still to be counted: their counts are what has changed since the claim */
  readonly #uncounted: Set<string>
  /** by actor of such kinds: the state in which it was at the claim, if another one came; null: it was not there */
  readonly #former = new Map<string, string | null>()

  /** A partition that begins has nothing to be counted. */
  constructor(kinds: ReadonlyMap<string, ActorKind>, isNew: boolean) {
    this.#kinds = kinds
    this.#counts = new Map([...kinds.keys()].map(kind => [kind, new Map()]))
    this.#uncounted = new Set(isNew ? [] : kinds.keys())
  }

  /** Takes the record, if it is of this cut: a former version leaves it as it was while its actors go on. */
  restore(value: unknown, cut: Seq): void {
    const kept = value as Kept
    const isOurs = Object.entries(kept.kinds).every(([name, { version }]) => this.#kinds.get(name)?.version === version)
    if (kept.cut !== cut || !isOurs) return
    for (const [name, { states }] of Object.entries(kept.kinds)) this.#counts.set(name, new Map(Object.entries(states)))
    this.#uncounted.clear()
  }

  /** An actor goes on to what it is next; one that is not there comes. */
  moved({ id, kind: { kind }, isThere }: Moving, { value: from }: InState, { value: to }: InState): void {
    if (isThere && from === to) return
    const [former, next] = [isThere ? stateName(from) : null, stateName(to)]
    if (this.#uncounted.has(kind) && !this.#former.has(id)) this.#former.set(id, former)
    const counts = this.#counts.get(kind)!
    if (former !== null) add(counts, former, -1)
    add(counts, next, 1)
  }

  /** Undefined while the actors of the kind are still to be counted. */
  of(kind: string): Record<string, number> | undefined {
    const counts = this.#counts.get(kind)
    return counts && !this.#uncounted.has(kind) ? Object.fromEntries([...counts].sort()) : undefined
  }

  /**
   * Counts the actors that records tell of, once, where a former version kept no counts; what comes meanwhile is taken
   * into account, in whichever order it is read. `rest` is called now and then; false: no more is to be read.
   */
  async count(
    recordsOf: (kind: string) => AsyncIterable<CheckpointRecord>,
    rest: () => Promise<boolean>,
  ): Promise<void> {
    for (const name of this.#uncounted) {
      const kind = this.#kinds.get(name)!
      const found: Counts = new Map()
      let read = 0
      for await (const { names, value } of recordsOf(name)) {
        if (++read % AT_ONCE === 0 && !(await rest())) return
        if (names[2] !== '') continue
        const former = this.#former.get(actorId(name, names[1]!))
        if (former === undefined) add(found, stateName(migrated(kind, value as KeptSnapshot)[1]), 1)
        else if (former !== null) add(found, former, 1)
      }
      const counts = this.#counts.get(name)!
      for (const [state, count] of found) add(counts, state, count)
      this.#uncounted.delete(name)
    }
    this.#former.clear()
  }

  /** The record as of the cut; none while actors are still to be counted. */
  takeRecords(cut: Seq): { puts: CheckpointRecord[]; removes: RecordKey[] } {
    if (this.#uncounted.size > 0) return { puts: [], removes: [] }
    const kinds = [...this.#kinds.values()].map(({ kind, version }) => [kind, { version, states: this.of(kind)! }])
    const value: Kept = { cut, kinds: Object.fromEntries(kinds) }
    return { puts: [{ space: 'aggregate', names: ['states'], value }], removes: [] }
  }
}

function add(counts: Counts, state: string, by: number): void {
  const count = (counts.get(state) ?? 0) + by
  if (count === 0) counts.delete(state)
  else counts.set(state, count)
}

/** Counts the actors of a partition in the background, if its checkpoint is of a version that did not. */
export function countActors(
  { population, keptOf }: { population: Population; keptOf(kind: string): AsyncIterable<CheckpointRecord> },
  { time, faults, signal }: { time: Time; faults: Faults; signal: AbortSignal },
): Promise<void> {
  const rest = async (): Promise<boolean> => {
    await time.turn()
    return !signal.aborted
  }
  const failed = (error: unknown): void => faults.report('population', error)
  const isFinal = (error: unknown): boolean => !isCode(error, 'RC_STORE_UNAVAILABLE')
  return retry(() => population.count(keptOf, rest), UNTIL_DONE, { time, signal, failed, isFinal }).catch(failed)
}

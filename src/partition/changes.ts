import type { Presence, Projection, Tally } from '../../actors/index.ts'

/** Names that are made of ids are never longer. */
const NAME_CHARACTERS = 1_024

type Change = (projection: Projection, tally: Tally) => void

/** Changes of documents and counters by one event, held back until it is known that it has no others. */
export class Changes implements Projection, Tally {
  readonly #changes: Change[] = []

  apply(projection: Projection, tally: Tally): void {
    for (const change of this.#changes) change(projection, tally)
  }

  upsert(collection: string, id: string, set: Record<string, unknown>): void {
    const name = named(id)
    this.#changes.push(projection => projection.upsert(collection, name, set))
  }

  remove(collection: string, id: string): void {
    const name = named(id)
    this.#changes.push(projection => projection.remove(collection, name))
  }

  tell(type: string, actor: string, id: string, facts: object | null): void {
    this.#changes.push(projection => projection.tell(type, actor, id, facts))
  }

  moved(userId: string, from: Presence | null, to: Presence): void {
    this.#changes.push((_, tally) => tally.moved(userId, from, to))
  }

  attended(userId: string, stream: string | null): void {
    this.#changes.push((_, tally) => tally.attended(userId, stream))
  }

  arrived(stream: string, arrival: number): void {
    this.#changes.push((_, tally) => tally.arrived(stream, arrival))
  }

  counted(window: number, country: string, groups: readonly string[], by: 1 | -1): void {
    this.#changes.push((_, tally) => tally.counted(window, country, groups, by))
  }

  tooLate(): void {
    this.#changes.push((_, tally) => tally.tooLate())
  }
}

/** The name of a document or record, if it can be one: a store that is given another cannot go on. */
export function named(name: string): string {
  if (typeof name !== 'string' || name.length > NAME_CHARACTERS) throw new Error('Nothing can be named like that.')
  return name
}

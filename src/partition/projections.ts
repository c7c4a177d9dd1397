import type { Projection } from '../../actors/index.ts'
import type { Collection, DocumentStore, Upsert } from '../documents/index.ts'
import type { Seq } from '../log/index.ts'
import { type Steps, step } from '../observe/steps.ts'

/** `set` null: the document goes. */
export interface DocumentWrite {
  collection: Collection
  id: string
  set: Record<string, unknown> | null
}

/** A change of a document as others are told of it; `facts` null: no more. */
export interface Told {
  type: string
  actor: string
  id: string
  facts: object | null
}

/** The changes of documents since the last commit: of one document, the last only. */
export class Projections implements Projection {
  #pending = new Map<string, Map<string, DocumentWrite>>()
  #told = new Map<string, Told>()

  upsert(collection: string, id: string, set: Record<string, unknown>): void {
    this.#of(collection).set(id, { collection: collection as Collection, id, set })
  }

  remove(collection: string, id: string): void {
    this.#of(collection).set(id, { collection: collection as Collection, id, set: null })
  }

  #of(collection: string): Map<string, DocumentWrite> {
    let pending = this.#pending.get(collection)
    if (!pending) {
      pending = new Map()
      this.#pending.set(collection, pending)
    }
    return pending
  }

  tell(type: string, actor: string, id: string, facts: object | null): void {
    this.#told.set(`${type}\n${id}`, { type, actor, id, facts })
  }

  takeTold(): Told[] {
    const told = [...this.#told.values()]
    this.#told = new Map()
    return told
  }

  take(): DocumentWrite[] {
    const taken = [...this.#pending.values()].flatMap(writes => [...writes.values()])
    this.#pending = new Map()
    return taken
  }
}

/** New documents are there before those they replace are gone. */
export async function project(
  documents: DocumentStore,
  writes: DocumentWrite[],
  seq: Seq,
  steps?: Steps,
): Promise<void> {
  const upserts = new Map<Collection, Upsert[]>()
  const removes = new Map<Collection, string[]>()
  for (const { collection, id, set } of writes) {
    if (set === null) removes.set(collection, [...(removes.get(collection) ?? []), id])
    else {
      const list = upserts.get(collection) ?? []
      list.push({ id, seq, set })
      upserts.set(collection, list)
    }
  }
  const upsert = ([collection, list]: [Collection, Upsert[]]) =>
    step(steps, 'upsert', collection, () => documents.upsertMany(collection, list))
  const remove = ([collection, ids]: [Collection, string[]]) =>
    step(steps, 'remove', collection, () => documents.removeMany(collection, ids, seq))
  await Promise.all([...upserts].map(upsert))
  await Promise.all([...removes].map(remove))
}

/** The windows of which a part is written. */
export const windowsIn = (writes: readonly DocumentWrite[]): number[] => [
  ...new Set(writes.flatMap(({ collection, set }) => (collection === 'statistics' ? [Number(set!.timestamp)] : []))),
]

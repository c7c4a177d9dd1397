/** Documents as they are kept, held against those that the log makes: all that are projections of the state. */
import { STALE_MS } from '../../actors/viewer.ts'
import type { Collection, Document } from '../documents/index.ts'
import type { DocumentPeek, FoundDocument } from '../documents/peek.ts'
import type { Seq } from '../log/index.ts'
import { partitionOf } from '../log/partition-of.ts'
import { KEYS } from '../ownership/adopt.ts'
import { type Checked, nameOfDocument } from './checked.ts'
import { unlike } from './unlike.ts'

/** The field that says which partition a document is of. Accounts of effects are looked at by themselves. */
const { effects: _, ...OF_ONE } = KEYS
export const PROJECTED = { ...OF_ONE, 'stream-viewers': 'userId' } as const
export type Projected = keyof typeof PROJECTED

/** Fields that are set beside the projection, as `patchMany` does. */
const BESIDE: Partial<Record<Collection, readonly string[]>> = { sessions: ['viewersAt', 'metadata.viewerCount'] }

/** Null: the document is a sum over all partitions. */
export function partitionIn(collection: Projected, document: Document, partitions: number): number | null {
  const key = document[PROJECTED[collection]]
  if (key === undefined) return null
  return typeof key === 'string' ? partitionOf(key, partitions) : Number(key)
}

/** A document without what is set beside the projection. */
export function projectedOf(collection: Collection, document: Document): Document {
  const beside = BESIDE[collection]
  if (!beside) return document
  const copy = structuredClone(document)
  for (const path of beside) {
    const names = path.split('.')
    const last = names.pop()!
    const inner = names.reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], copy)
    if (typeof inner === 'object' && inner !== null) delete (inner as Record<string, unknown>)[last]
  }
  return copy
}

export interface Comparison {
  kept: DocumentPeek
  derived: DocumentPeek
  partitions: number
  /** of the partition; undefined where its documents cannot be judged */
  checkedOf(partition: number | null): Checked | undefined
  /** ms */
  now: number
  /** True if the partition's owner may have written so since; it is told of as newer, and passed over. */
  isNewer(partition: number, seq: Seq): Promise<boolean>
  unread(name: string, error: Error): void
}

/** Tells of documents that cannot be read. */
export function tellUnread(collection: Collection, found: readonly FoundDocument[], { unread }: Comparison): void {
  for (const each of found) if ('error' in each) unread(`${collection} ${each.id}`, each.error)
}

/** Compares documents that are derived; answers how many. */
export async function compareDerived(
  collection: Projected,
  found: readonly FoundDocument[],
  comparison: Comparison,
): Promise<number> {
  const documents = found.flatMap(({ document }) => document ?? [])
  const there = await comparison.kept.some(
    collection,
    documents.map(({ _id }) => _id),
  )
  for (const document of documents) {
    const checked = comparison.checkedOf(partitionIn(collection, document, comparison.partitions))
    if (checked) await compare(collection, document, there.get(document._id), checked, comparison)
  }
  return documents.length
}

async function compare(
  collection: Projected,
  derived: Document,
  kept: FoundDocument | undefined,
  checked: Checked,
  { now, isNewer }: Comparison,
): Promise<void> {
  const { _id: id } = derived
  const name = `${collection} ${id}`
  // All that cannot be read is told of by whoever reads all.
  if (kept && 'error' in kept) return
  if (kept && kept.seq > checked.cut && (await isNewer(checked.partition!, kept.seq))) return
  const pending = checked.pending.get(nameOfDocument(collection, id))
  if (pending !== undefined && (kept?.seq ?? 0) < pending) return
  const suspect = { document: { collection, id }, kept: kept?.document }
  if (!kept?.document) {
    // A viewer who was not there for three days leaves the streamer's.
    if (collection === 'stream-viewers' && Number(derived.lastAt) < now - STALE_MS) return
    checked.suspect({ of: 'document', name, text: 'is not there' }, suspect)
    return
  }
  const text = unlike(projectedOf(collection, kept.document), projectedOf(collection, derived))
  if (text) checked.suspect({ of: 'document', name, text }, suspect)
}

/** Looks for documents that are kept and not derived. */
export async function compareKept(
  collection: Projected,
  found: readonly FoundDocument[],
  comparison: Comparison,
): Promise<void> {
  const { derived, partitions, checkedOf } = comparison
  tellUnread(collection, found, comparison)
  const there = await derived.some(
    collection,
    found.map(({ id }) => id),
  )
  for (const { id, seq = 0, document } of found) {
    // A document that another program made has no seq.
    if (!document || seq === 0 || there.get(id)?.document) continue
    const checked = checkedOf(partitionIn(collection, document, partitions))
    if (!checked || seq <= checked.start!) continue
    if (seq > checked.cut && (await comparison.isNewer(checked.partition!, seq))) continue
    if (checked.pending.has(nameOfDocument(collection, id))) continue
    const of = { of: 'document', name: `${collection} ${id}`, text: 'should not be there' } as const
    checked.suspect(of, { document: { collection, id }, kept: document })
  }
}

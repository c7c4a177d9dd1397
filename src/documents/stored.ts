/** Stored: what a store has under an id, and what writes make of it. Nothing given is changed. */
import { isDeepStrictEqual } from 'node:util'
import type { Seq } from '../log/index.ts'
import type { Document, Patch, Upsert } from './index.ts'

type Fields = Record<string, unknown>

/** A document, or the trace of a removed one, which for an hour keeps older writes from bringing it back. */
export type Stored =
  | { seq: Seq; document: Document; removedAt?: never }
  | { seq: Seq; document?: never; removedAt: number }

export const TRACE_MS = 3_600_000

export function upserted(stored: Stored | undefined, id: string, upserts: readonly Upsert[]): Stored | undefined {
  let now = stored
  for (const { seq, set } of upserts) {
    if (now !== undefined && now.seq > seq) continue
    // An owner that goes on after a crash writes its last cuts again, and finds most of it as it was left.
    if (now?.seq === seq && hasAll(now.document, set)) continue
    now = { seq, document: assign(now?.document ?? { _id: id }, set) }
  }
  return now
}

export const patched = (stored: Stored | undefined, guard: string, patches: readonly Patch[]): Stored | undefined =>
  patches.reduce((now, { set }) => {
    if (now?.document === undefined) return now
    const own = numberAt(now.document, guard)
    if (own !== undefined && own >= (set[guard] as number)) return now
    return { seq: now.seq, document: assign(now.document, set) }
  }, stored)

/** True if the document has all that is set; false also where that is not easily seen. */
function hasAll(document: Document | undefined, set: Fields): boolean {
  if (document === undefined) return false
  for (const name of Object.keys(set)) {
    if (name.includes('.') || !isDeepStrictEqual(document[name], set[name])) return false
  }
  return true
}

/** Sets fields in a copy; the objects on the way to a dotted name are copied too, they may be the caller's. */
function assign(document: Document, set: Fields): Document {
  const assigned: Document = { ...document }
  for (const path of Object.keys(set)) {
    const value = set[path]
    if (value === undefined) continue
    if (!path.includes('.')) {
      assigned[path] = value
      continue
    }
    const names = path.split('.')
    const last = names.pop()!
    let at: Fields = assigned
    for (const name of names) {
      const inner = Object.hasOwn(at, name) && typeof at[name] === 'object' ? at[name] : {}
      at = at[name] = (Array.isArray(inner) ? [...inner] : { ...inner }) as Fields
    }
    at[last] = value
  }
  return assigned
}

function numberAt(document: Document, path: string): number | undefined {
  const step = (at: unknown, name: string) => (at as Fields | null | undefined)?.[name]
  const value = path.split('.').reduce(step, document)
  return typeof value === 'number' ? value : undefined
}

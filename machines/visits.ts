/**
 * The visits of one visitor and one local day: distinct by id, in the order (ts, id), in chunks, and no more than a day
 * keeps. Whatever the order and repetition in which they come, they are the same in the end.
 */

export interface Source {
  source?: string
  medium?: string
  campaign?: string
  keyword?: string
  content?: string
}

/** A web event as it is kept. `id` is unique within a visitor's day. */
export interface Visit {
  id: string
  ts: number
  page: string
  userId?: string
  partyId?: string
  referrer?: string
  source?: Source
}

/** At most this many visits share a chunk, so that an event in order rewrites one small record. */
export const CHUNK = 128
export type Chunk = readonly Visit[]

/** A day keeps so many visits, the smallest by (ts, id): which they are does not hang on the order they came in. */
export const DAY_VISITS = 20_000

export const inOrder = (a: Visit, b: Visit): number => a.ts - b.ts || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

export const countOf = (chunks: readonly Chunk[]): number => chunks.reduce((sum, { length }) => sum + length, 0)

// Chunks but the last hardly ever change; the sets of their ids are worth keeping.
const idsOfChunk = new WeakMap<Chunk, Set<string>>()

export function holds(chunks: readonly Chunk[], id: string): boolean {
  for (const chunk of chunks) {
    if (chunk === chunks.at(-1)) return chunk.some(visit => visit.id === id)
    let ids = idsOfChunk.get(chunk)
    if (!ids) {
      ids = new Set(chunk.map(visit => visit.id))
      idsOfChunk.set(chunk, ids)
    }
    if (ids.has(id)) return true
  }
  return false
}

/** The chunks with the fresh visits (in order) among theirs, and the places of these in the whole. */
export function mergedInto(chunks: readonly Chunk[], fresh: readonly Visit[]): { chunks: Chunk[]; places: number[] } {
  const merged: Chunk[] = []
  const places: number[] = []
  let next = 0
  let before = 0
  for (const [c, chunk] of (chunks.length > 0 ? chunks : [[]]).entries()) {
    const start = next
    const isLast = c >= chunks.length - 1
    while (next < fresh.length && (isLast || inOrder(fresh[next]!, chunk.at(-1)!) < 0)) next++
    if (start === next) merged.push(chunk)
    else merged.push(...pieces(woven(chunk, fresh.slice(start, next), before + start, places), isLast))
    before += chunk.length
  }
  return { chunks: merged, places }
}

/** Two lists in order as one that begins at place `from`; adds the places of the fresh ones. */
function woven(known: readonly Visit[], fresh: readonly Visit[], from: number, places: number[]): Visit[] {
  const visits: Visit[] = []
  let k = 0
  for (const visit of fresh) {
    while (k < known.length && inOrder(known[k]!, visit) < 0) visits.push(known[k++]!)
    places.push(from + visits.length)
    visits.push(visit)
  }
  while (k < known.length) visits.push(known[k++]!)
  return visits
}

/** Chunks of the visits: of those at the end of a day full ones and the rest, so that what follows in order fills it. */
function pieces(visits: readonly Visit[], isLast: boolean): Chunk[] {
  const count = Math.ceil(visits.length / CHUNK)
  const size = isLast ? CHUNK : Math.ceil(visits.length / count)
  return Array.from({ length: count }, (_, i) => visits.slice(i * size, (i + 1) * size))
}

/** As many of the first visits as a day keeps. */
export function bounded(chunks: Chunk[]): { chunks: Chunk[]; isCut: boolean } {
  let over = countOf(chunks) - DAY_VISITS
  if (over <= 0) return { chunks, isCut: false }
  const kept = [...chunks]
  while (over > 0) {
    const last = kept.pop()!
    if (last.length > over) kept.push(last.slice(0, last.length - over))
    over -= last.length
  }
  return { chunks: kept, isCut: true }
}

/** All visits from a place of the whole on. */
export function visitsFrom(chunks: readonly Chunk[], place: number): Visit[] {
  let before = 0
  let first = 0
  while (first < chunks.length && before + chunks[first]!.length <= place) before += chunks[first++]!.length
  return chunks
    .slice(first)
    .flat()
    .slice(place - before)
}

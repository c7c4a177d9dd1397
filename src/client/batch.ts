import { type Kept, type Kind, sentText } from './record.ts'

/** Records that go out in one request. */
export interface Batch {
  records: Kept[]
  body: string
  bytes: number
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length

/**
 * As many as fit, but at least the first, in the order in which they were made: of beats the newest, so that a backlog
 * never delays being alive, of events the oldest.
 */
export function batchOf(
  kind: Kind,
  ready: Kept[],
  most: number,
  mostBytes: number,
  stampOf: (kept: Kept) => number,
): Batch {
  const isNewestFirst = kind === 'heartbeats'
  const sorted = [...ready].sort((a, b) => a.made - b.made)
  const next = isNewestFirst ? sorted.reverse() : sorted
  const taken: { kept: Kept; text: string }[] = []
  let bytes = 1
  for (const kept of next.slice(0, most)) {
    const text = sentText(kept, stampOf(kept))
    const more = bytesOf(text) + 1
    if (bytes + more > mostBytes && taken.length > 0) break
    taken.push({ kept, text })
    bytes += more
  }
  if (isNewestFirst) taken.reverse()
  return { records: taken.map(({ kept }) => kept), body: `[${taken.map(({ text }) => text).join()}]`, bytes }
}

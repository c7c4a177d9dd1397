import type { DocumentStore, Upsert } from '../documents/index.ts'
import type { StatisticsRecord } from './window.ts'

/** Parts and no sums, which have no partition. */
const PARTS = { partition: { $gte: 0 } }
const SUMMED_AT_ONCE = 50
/** Names that each map of a sum holds at most, those with the greatest counts, so that it fits into a document. */
const MOST_NAMES = 10_000

/** Viewers of five minutes, over all partitions. */
export interface Statistics {
  viewerCount: number
  /** ms since the epoch; the start of the five minutes */
  timestamp: number
  countByUserGroup: Record<string, number>
  countByViewingCountry: Record<string, number>
}

/** How many windows are answered at most. */
export interface StatisticsPage {
  limit: number
  /** of the log: each has a document of its own for a window */
  partitions: number
}

/**
 * Statistics of the windows that start at `from` or later and before `to`, by their start; those with nobody are left
 * out. `next` is the start of the last one, if there may be more.
 */
export async function statistics(
  documents: DocumentStore,
  from: number,
  to: number,
  { limit, partitions }: StatisticsPage = { limit: Number.POSITIVE_INFINITY, partitions: 0 },
): Promise<{ records: Statistics[]; next?: string }> {
  const filter = { timestamp: { $gte: from, $lt: to }, ...PARTS }
  const most = partitions === 0 ? {} : { limit: (limit + 1) * partitions }
  const found = await documents.find('statistics', { filter, sort: { timestamp: 1, _id: 1 }, ...most })
  const windows = [...Map.groupBy(found as unknown as StatisticsRecord[], ({ timestamp }) => timestamp)]
  const shown = windows.slice(0, limit)
  const records = shown.map(summed).filter(({ viewerCount }) => viewerCount > 0)
  return { records, ...(windows.length > limit && { next: String(shown.at(-1)![0]) }) }
}

/**
 * Writes the sums of windows anew, each from all of its parts as they are stored. To be called when a part was written:
 * whoever writes the last one sees all, and a sum of older parts, whose seqs add up to less, never wins.
 */
export async function sumUp(documents: DocumentStore, windows: readonly number[]): Promise<void> {
  for (let i = 0; i < windows.length; i += SUMMED_AT_ONCE) {
    const some = windows.slice(i, i + SUMMED_AT_ONCE)
    const found = await documents.find('statistics', { filter: { timestamp: { $in: some }, ...PARTS } })
    const partsOf = Map.groupBy(found as unknown as StatisticsRecord[], ({ timestamp }) => timestamp)
    const sums = [...partsOf].map(([timestamp, parts]) => sumOf(timestamp, parts))
    await documents.upsertMany('statistics', sums)
  }
}

/** The document of a window, from all of its parts. */
export function sumOf(timestamp: number, parts: StatisticsRecord[]): Upsert {
  const { countByUserGroup, countByViewingCountry, ...rest } = summed([timestamp, parts])
  const maps = {
    countByUserGroup: storable(countByUserGroup),
    countByViewingCountry: storable(countByViewingCountry),
  }
  const seq = parts.reduce((sum, part) => sum + (part.seq ?? 0), 0)
  return { id: String(timestamp), seq, set: { ...rest, ...maps } }
}

/** Counts under names that a field may have in any MongoDB: `%`, `.` and `$` are percent-encoded. */
function storable(counts: Record<string, number>): Record<string, number> {
  const all = Object.entries(counts)
  const most = all.length > MOST_NAMES ? all.sort(([, a], [, b]) => b - a).slice(0, MOST_NAMES) : all
  return Object.fromEntries(most.map(([name, count]) => [name.replace(/[%.$]/g, encodeByte), count]))
}

const encodeByte = (byte: string): string => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`

/** A user lives in one partition, so counts of distinct users add up over the partitions. */
const summed = ([timestamp, parts]: [number, StatisticsRecord[]]): Statistics => ({
  viewerCount: parts.reduce((count, part) => count + part.viewerCount, 0),
  timestamp,
  countByUserGroup: counts(parts.flatMap(part => part.countByUserGroup)),
  countByViewingCountry: counts(parts.flatMap(part => part.countByViewingCountry)),
})

function counts(pairs: [name: string, count: number][]): Record<string, number> {
  const totals = new Map<string, number>()
  for (const [name, count] of pairs) totals.set(name, (totals.get(name) ?? 0) + count)
  return Object.fromEntries([...totals].sort(([a], [b]) => (a < b ? -1 : 1)))
}

import type { DocumentStore } from '../documents/index.ts'
import type { StatisticsRecord } from './counters.ts'

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
  const filter = { timestamp: { $gte: from, $lt: to } }
  const most = partitions === 0 ? {} : { limit: (limit + 1) * partitions }
  const found = await documents.find('statistics', { filter, sort: { timestamp: 1, _id: 1 }, ...most })
  const windows = [...Map.groupBy(found as unknown as StatisticsRecord[], ({ timestamp }) => timestamp)]
  const shown = windows.slice(0, limit)
  const records = shown.map(summed).filter(({ viewerCount }) => viewerCount > 0)
  return { records, ...(windows.length > limit && { next: String(shown.at(-1)![0]) }) }
}

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

import type { Document, DocumentStore } from '../documents/index.ts'
import type { StatisticsRecord } from './counters.ts'

/** Viewers of five minutes, over all partitions. */
export interface Statistics {
  viewerCount: number
  /** ms since the epoch; the start of the five minutes */
  timestamp: number
  countByUserGroup: Record<string, number>
  countByViewingCountry: Record<string, number>
}

/** Statistics of the windows that start at `from` or later and before `to`, by their start; those with nobody are left out. */
export async function statistics(documents: DocumentStore, from: number, to: number): Promise<Statistics[]> {
  const filter = { timestamp: { $gte: from, $lt: to } }
  return summed(await documents.find('statistics', { filter, sort: { timestamp: 1 } }))
}

/** A user lives in one partition, so counts of distinct users add up over the partitions. */
function summed(documents: Document[]): Statistics[] {
  const windows = Map.groupBy(documents as unknown as StatisticsRecord[], ({ timestamp }) => timestamp)
  return [...windows]
    .map(([timestamp, parts]) => ({
      viewerCount: parts.reduce((count, part) => count + part.viewerCount, 0),
      timestamp,
      countByUserGroup: counts(parts.flatMap(part => part.countByUserGroup)),
      countByViewingCountry: counts(parts.flatMap(part => part.countByViewingCountry)),
    }))
    .filter(({ viewerCount }) => viewerCount > 0)
}

function counts(pairs: [name: string, count: number][]): Record<string, number> {
  const totals = new Map<string, number>()
  for (const [name, count] of pairs) totals.set(name, (totals.get(name) ?? 0) + count)
  return Object.fromEntries([...totals].sort(([a], [b]) => (a < b ? -1 : 1)))
}

import type { PopulationView } from './index.ts'

/** The population of several partitions, or shards. */
export function summed(views: readonly PopulationView[]): PopulationView {
  return {
    states: addedUp(views.map(({ states }) => states)),
    edges: addedUp(views.map(({ edges }) => edges)),
    since: Math.max(...views.map(({ since }) => since)),
  }
}

function addedUp(all: readonly Record<string, number>[]): Record<string, number> {
  const sums = new Map<string, number>()
  for (const each of all)
    for (const [name, count] of Object.entries(each)) sums.set(name, (sums.get(name) ?? 0) + count)
  return Object.fromEntries([...sums].sort())
}

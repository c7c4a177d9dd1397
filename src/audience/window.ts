import type { Seq } from '../log/index.ts'

export interface StatisticsRecord {
  timestamp: number
  viewerCount: number
  /** pairs, since names may hold what a field name may not */
  countByUserGroup: [string, number][]
  countByViewingCountry: [string, number][]
  /** of the entry that changed it last; records of longest ago have none */
  seq?: Seq
}

/** Five minutes of one partition: how many viewers there were, and of which groups and countries. */
export class Window {
  /** the entry that changed it last */
  #seq: Seq = 0
  #viewers = 0
  #groups = new Map<string, number>()
  #countries = new Map<string, number>()

  static of({ viewerCount, countByUserGroup, countByViewingCountry, seq = 0 }: StatisticsRecord): Window {
    const window = new Window()
    window.#seq = seq
    window.#viewers = viewerCount
    window.#groups = new Map(countByUserGroup)
    window.#countries = new Map(countByViewingCountry)
    return window
  }

  /** A viewer counts (1), or no longer counts (-1), since that entry. */
  count(country: string, groups: readonly string[], by: 1 | -1, seq: Seq): void {
    this.#seq = seq
    this.#viewers += by
    bump(this.#countries, country, by)
    for (const group of groups) bump(this.#groups, group, by)
  }

  record(timestamp: number): StatisticsRecord {
    const counts = { countByUserGroup: [...this.#groups], countByViewingCountry: [...this.#countries] }
    return { timestamp, viewerCount: this.#viewers, ...counts, seq: this.#seq }
  }
}

function bump(counts: Map<string, number>, name: string, by: number): void {
  const count = (counts.get(name) ?? 0) + by
  if (count > 0) counts.set(name, count)
  else counts.delete(name)
}

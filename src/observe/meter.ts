import { type CountedName, type GaugeName, METRICS, type MetricName, type SpreadName } from './metrics.ts'

export type Labels = Readonly<Record<string, string>>

/** A number that only grows: to count costs an addition. */
export interface Count {
  n: number
}

/** How many values fell under each bound of their metric and above the one before, or above all, and what they come to. */
export interface Spread {
  counts: number[]
  sum: number
}

/** A spread that grows. */
export class Growing implements Spread {
  readonly counts: number[]
  sum = 0
  readonly #bounds: readonly number[]

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.counts = Array<number>(bounds.length + 1).fill(0)
  }

  add(value: number): void {
    let place = 0
    while (place < this.#bounds.length && value > this.#bounds[place]!) place++
    this.counts[place]!++
    this.sum += value
  }
}

/** What a metric was for some labels. */
export interface Reading {
  name: MetricName
  labels: Labels
  value: number | Spread
}

/** Series of one metric in one meter; more are counted together, under the label value `other`. */
export const MOST_SERIES = 500
const OTHER = 'other'

/** The counts of some part of the program, as plain numbers; whoever counts keeps the count at hand. */
export class Meter {
  readonly #series = new Map<MetricName, Map<string, { labels: Labels; kept: Count | Growing }>>()

  count(name: CountedName, labels: Labels = {}): Count {
    return this.#kept(name, labels, () => ({ n: 0 }))
  }

  spread(name: SpreadName, labels: Labels = {}): Growing {
    return this.#kept(name, labels, () => new Growing(METRICS[name].bounds))
  }

  #kept<Kept extends Count | Growing>(name: MetricName, labels: Labels, make: () => Kept): Kept {
    let all = this.#series.get(name)
    if (!all) {
      all = new Map()
      this.#series.set(name, all)
    }
    const key = Object.values(labels).join('\n')
    const known = all.get(key)
    if (known) return known.kept as Kept
    if (all.size >= MOST_SERIES && key !== others(labels).key) return this.#kept(name, others(labels).labels, make)
    const made = { labels, kept: make() }
    all.set(key, made)
    return made.kept
  }

  read(): Reading[] {
    return [...this.#series].flatMap(([name, all]) =>
      [...all.values()].map(({ labels, kept }) => ({
        name,
        labels,
        value: readOf(kept),
      })),
    )
  }
}

const readOf = (kept: Count | Growing): Reading['value'] =>
  'n' in kept ? kept.n : { counts: [...kept.counts], sum: kept.sum }

function others(labels: Labels): { labels: Labels; key: string } {
  const names = Object.keys(labels)
  return { labels: Object.fromEntries(names.map(name => [name, OTHER])), key: names.map(() => OTHER).join('\n') }
}

/** A reading of what goes up and down. */
export const gauge = (name: GaugeName, value: number, labels: Labels = {}): Reading => ({ name, labels, value })

/** The readings with those of the labels that their metrics have, as where they were taken says. */
export function labelled(readings: readonly Reading[], given: Labels): Reading[] {
  return readings.map(({ name, labels, value }) => {
    const more = METRICS[name].labels.filter(label => label in given).map(label => [label, given[label]!])
    return { name, labels: { ...Object.fromEntries(more), ...labels }, value }
  })
}

/** The readings, those of one metric with the same labels as their sum. */
export function summed(readings: readonly Reading[]): Reading[] {
  const sums = new Map<string, Reading>()
  for (const reading of readings) {
    const key = keyOf(reading)
    const known = sums.get(key)
    sums.set(key, known ? { ...known, value: sumOf(known.value, reading.value) } : reading)
  }
  return [...sums.values()]
}

/** By which readings of the same series are known, whatever the order of their labels. */
const keyOf = ({ name, labels }: Reading): string =>
  [name, ...METRICS[name].labels.map(label => labels[label] ?? '')].join('\n')

function sumOf(a: Reading['value'], b: Reading['value']): Reading['value'] {
  if (typeof a === 'number' || typeof b === 'number') return Number(a) + Number(b)
  return { counts: a.counts.map((count, i) => count + b.counts[i]!), sum: a.sum + b.sum }
}

import type { PackedViewer } from '../../machines/packed-viewer.ts'

/** An object, an array or a string costs so many bytes beside what is in it; a field, or a number, so many. */
const OF_ITS_OWN = 24
const OF_A_FIELD = 8
const OF_A_NUMBER = 16
/** Elements of a longer list that stand for all. */
const MOST_LOOKED_AT = 8

/** About how many bytes of memory a packed context takes, beside what others have too. */
export function weightOfPacked({ spots, numbers }: PackedViewer): number {
  const own = 2 * OF_ITS_OWN + OF_A_FIELD * numbers.length
  if (!Array.isArray(spots)) return own
  const [, streams, shows, ...others] = spots
  return own + OF_ITS_OWN + OF_A_FIELD * others.length + weightOf(streams) + weightOf(shows)
}

/** About how many bytes of memory such a value takes. */
export function weightOf(value: unknown): number {
  if (typeof value === 'string') return OF_ITS_OWN + value.length
  if (typeof value === 'number') return OF_A_NUMBER
  if (typeof value !== 'object' || value === null) return 0
  if (Array.isArray(value)) return OF_ITS_OWN + weightOfList(value, value.length)
  if (value instanceof Map) return OF_ITS_OWN + 4 * weightOfList([...firstOf(value)], value.size)
  if (value instanceof Set) return OF_ITS_OWN + 2 * weightOfList([...firstOf(value)], value.size)
  let weight = OF_ITS_OWN
  for (const field in value) weight += OF_A_FIELD + weightOf((value as Record<string, unknown>)[field])
  return weight
}

function weightOfList(list: readonly unknown[], length: number): number {
  const looked = Math.min(list.length, MOST_LOOKED_AT)
  let weight = 0
  for (let i = 0; i < looked; i++) weight += OF_A_FIELD + weightOf(list[Math.floor((i * list.length) / looked)])
  return looked === 0 ? 0 : (weight * length) / looked
}

function* firstOf(values: Iterable<unknown>): Generator<unknown> {
  let left = MOST_LOOKED_AT
  for (const value of values) {
    if (left-- === 0) return
    yield value
  }
}

import { type PackedViewer, type Spot, spotsIn } from '../../machines/packed-viewer.ts'

/** An object, an array or a string costs so many bytes beside what is in it; a field, a number or a character so many. */
const OF_ITS_OWN = 24
const OF_A_FIELD = 8
const OF_A_NUMBER = 16
const OF_A_CHARACTER = 2
/** Elements of a longer list that stand for all, unless these are texts. */
const MOST_LOOKED_AT = 64

/** About how many bytes of memory a packed context takes, with its part of what others have too. */
export function weightOfPacked({ spots, numbers }: PackedViewer): number {
  let weight = 2 * OF_ITS_OWN + OF_A_FIELD * numbers.length
  for (const spot of spotsIn(spots)) weight += OF_A_FIELD + weightOfSpot(spot) / spot.holders
  if (!Array.isArray(spots)) return weight
  const [, streams, shows] = spots
  return weight + OF_ITS_OWN + weightOf(streams) + weightOf(shows)
}

/** Twice its content: it is known by a name that has all its texts. */
const weightOfSpot = (spot: Spot): number => 2 * weightOf(spot)

/** About how many bytes of memory such a value takes. */
export function weightOf(value: unknown): number {
  if (typeof value === 'string') return OF_ITS_OWN + OF_A_CHARACTER * value.length
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
  const looked = typeof list[0] === 'string' ? list.length : Math.min(list.length, MOST_LOOKED_AT)
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

/** The order of values, the same wherever they are kept: by their type, then their value, as MongoDB has it. */

// Texts without such a character have the same order by UTF-16 units as by bytes, to whatever they are compared.
const HIGH = /[\ud800-\uffff]/

/** By UTF-8 bytes, which is by code point: as LMDB and MongoDB have texts. */
export function compareTexts(one: string, other: string): number {
  if (one === other) return 0
  if (!HIGH.test(one)) return one < other ? -1 : 1
  const [a, b] = [one.toWellFormed(), other.toWellFormed()]
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = planeOrder(a.charCodeAt(i)) - planeOrder(b.charCodeAt(i))
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** Puts the units of pairs behind all others. */
const planeOrder = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800)

/** The place of a value's type among the types. */
export function typeOrder(value: unknown): number {
  switch (typeof value) {
    case 'undefined':
      return 0
    case 'number':
      return 2
    case 'string':
      return 3
    case 'boolean':
      return 6
    default:
      return value === null ? 1 : Array.isArray(value) ? 5 : value instanceof Date ? 7 : 4
  }
}

/** Undefined is below null; callers that take them as equal make null of it. */
export function compareValues(one: unknown, other: unknown): number {
  if (typeof one === 'string' && typeof other === 'string') return compareTexts(one, other)
  const byType = typeOrder(one) - typeOrder(other)
  if (byType !== 0) return byType
  if (Array.isArray(one)) return compareInTurn(one, other as unknown[], compareValues)
  if (typeof one === 'object' && typeOrder(one) === 4) {
    return compareInTurn(Object.entries(one!), Object.entries(other!), compareFields)
  }
  return (one as number) < (other as number) ? -1 : (one as number) > (other as number) ? 1 : 0
}

const compareFields = ([name, value]: [string, unknown], [otherName, other]: [string, unknown]): number =>
  typeOrder(value) - typeOrder(other) || compareTexts(name, otherName) || compareValues(value, other)

function compareInTurn<T>(one: readonly T[], other: readonly T[], compare: (one: T, other: T) => number): number {
  for (let i = 0; i < one.length && i < other.length; i++) {
    const order = compare(one[i]!, other[i]!)
    if (order !== 0) return order
  }
  return one.length - other.length
}

/** The one of the values that comes first (way 1) or last (-1); undefined if there is none. */
export const extreme = (values: readonly unknown[], way: 1 | -1): unknown =>
  values.reduce((best, value, i) => (i === 0 || way * compareValues(value, best) < 0 ? value : best), undefined)

export type Sort = Record<string, 1 | -1>

/**
 * The items in the order of the values that they have at some paths. A list has the place of its first element on the
 * way, an empty one that of nothing.
 */
export function sorted<T>(items: readonly T[], sort: Sort, valueAt: (item: T, path: string) => unknown): T[] {
  let all = [...items]
  for (const [path, way] of Object.entries(sort).reverse()) {
    const groups = Map.groupBy(all, item => {
      const value = valueAt(item, path)
      return Array.isArray(value) ? extreme(value, way) : (value ?? null)
    })
    all = inOrder([...groups.keys()], way).flatMap(value => groups.get(value)!)
  }
  return all
}

/** Distinct values in their order; numbers alone and plain texts alone are sorted without a call a comparison. */
function inOrder(values: unknown[], way: 1 | -1): unknown[] {
  const isPlain = values.every(value => typeof value === 'string' && !HIGH.test(value))
  if (!isPlain && !values.every(value => typeof value === 'number')) {
    // Wrapped, since a list puts undefined last without asking.
    const wrapped = values.map(value => [value] as const)
    return wrapped.sort(([one], [other]) => way * compareValues(one, other)).map(([value]) => value)
  }
  const up = isPlain ? values.sort() : [...Float64Array.from(values as number[]).sort()]
  return way === 1 ? up : up.reverse()
}

/** Index entries: text under which a document is found, ordered as the values of its field are. */
import { COLLECTIONS, type Collection, type Document } from './index.ts'

type Fields = Record<string, unknown>

export interface Span {
  start: Buffer
  end: Buffer
}

/** The way to documents: in the index of `field`, from each `start` on, before its `end`. They may still not match. */
export interface Plan {
  field: string
  spans: Span[]
  /** where values are that have no order; null where there are none */
  unordered: Span | null
  /** each span is of one value */
  exact: boolean
}

/** Longer entries are cut, which finds too much at most. */
export const ENTRY_BYTES = 576
/** The longest key LMDB takes, less the byte that ends a span. */
export const KEY_BYTES = 1_977

const bits = new DataView(new ArrayBuffer(8))

/** A value as text that sorts by type, then by value. `x`: has no order, may match anything. None: matches no value. */
const termOf = (value: unknown): string | undefined => {
  if (value === null || value === undefined) return undefined
  if (typeof value === 'string') return `s${value}`
  if (typeof value === 'boolean') return value ? 'b1' : 'b0'
  if (typeof value !== 'number' || Number.isNaN(value)) return 'x'
  bits.setFloat64(0, value + 0)
  const raw = bits.getBigUint64(0)
  const sortable = value < 0 ? BigInt.asUintN(64, ~raw) : raw | (1n << 63n)
  return `n${sortable.toString(16).padStart(16, '0')}`
}

/** The index of `_id` is the store of documents itself. */
const keyOf = (collection: Collection, field: string, term: string): Buffer =>
  field === '_id'
    ? cut(Buffer.from(`${collection}\0${term}`), KEY_BYTES)
    : cut(Buffer.from(`${collection}\0${field}\0${term}`), ENTRY_BYTES)

const cut = (key: Buffer, most: number): Buffer => (key.length > most ? key.subarray(0, most) : key)

const justAfter = (key: Buffer): Buffer => Buffer.concat([key, Buffer.of(0)])

export const documentKey = (collection: Collection, id: string): Buffer => Buffer.from(`${collection}\0s${id}`)

export const entriesOf = (collection: Collection, document: Document): Buffer[] =>
  COLLECTIONS[collection].flatMap(field => {
    const term = termOf(document[field])
    return term === undefined ? [] : [keyOf(collection, field, term)]
  })

/** The entries of the document after a change that those before may not have, and the other way round. */
export function entriesBetween(
  collection: Collection,
  before: Document,
  after: Document,
): [gone: Buffer[], come: Buffer[]] {
  const [gone, come]: [Buffer[], Buffer[]] = [[], []]
  for (const field of COLLECTIONS[collection]) {
    const former = termOf(before[field])
    const term = termOf(after[field])
    if (former === term) continue
    if (former !== undefined) gone.push(keyOf(collection, field, former))
    if (term !== undefined) come.push(keyOf(collection, field, term))
  }
  return [gone, come]
}

/** Removed documents are found by the time of their removal. */
export const removalEntry = (collection: Collection, time: number): Buffer => keyOf(collection, '', termOf(time)!)

/** All conditions that have to be true: the filter's own and those below its `$and`. */
const conditionsOf = (filter: Fields): [field: string, condition: unknown][] =>
  Object.entries(filter).flatMap(condition =>
    condition[0] === '$and' ? (condition[1] as Fields[]).flatMap(conditionsOf) : [condition],
  )

/** The spans that hold everything the condition can match; nothing if an index cannot tell. */
const planOf = (collection: Collection, field: string, condition: unknown): Plan[] => {
  const hasOperators = Object.keys(condition ?? {}).some(name => name.startsWith('$'))
  const { $eq, $in, $gt, $gte, $lt, $lte } = (hasOperators ? condition : { $eq: condition }) as Fields
  const key = (term: string) => keyOf(collection, field, term)
  const unordered = { start: key('x'), end: key('y') }
  const points = new Set((Array.isArray($in) ? $in : [$eq]).map(termOf))
  if (!points.has(undefined) && !points.has('x')) {
    const spans = Array.from(points, point => key(point!)).map(start => ({ start, end: justAfter(start) }))
    return [{ field, spans, unordered, exact: true }]
  }
  const low = termOf($gte ?? $gt)
  const high = termOf($lte ?? $lt)
  const type = (low ?? high ?? 'x').charAt(0)
  if (type === 'x') return []
  const end = high?.startsWith(type) ? justAfter(key(high)) : key(String.fromCharCode(type.charCodeAt(0) + 1))
  return [{ field, spans: [{ start: key(low ?? type), end }], unordered, exact: false }]
}

/** The best way to every document the filter can match: single values before ranges, `_id` first, all if need be. */
export const plan = (collection: Collection, filter: Fields): Plan => {
  const conditions = conditionsOf(filter)
  const plans = ['_id', ...COLLECTIONS[collection]].flatMap(field =>
    conditions.flatMap(([name, condition]) => (name === field ? planOf(collection, field, condition) : [])),
  )
  const all = { start: keyOf(collection, '_id', 's'), end: keyOf(collection, '_id', 't') }
  return plans.find(({ exact }) => exact) ?? plans[0] ?? { field: '_id', spans: [all], unordered: null, exact: false }
}

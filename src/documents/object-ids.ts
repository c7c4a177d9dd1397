/**
 * ObjectIds: sessions in MongoDB that another program made may have one as their id. Here every id is a text, and theirs
 * the 24 digits of it; such a document stays where it is, and is written there.
 */
import { ObjectId } from 'mongodb'
import { compareTexts } from './value-order.ts'

type Fields = Record<string, unknown>

const DIGITS = 24
const LAST = new ObjectId('f'.repeat(DIGITS))
/** The two kinds of ids; a comparison of MongoDB's finds those of its own kind alone. */
export const TEXTS = { _id: { $gte: '' } }
export const OBJECT_IDS = { _id: { $gte: new ObjectId('0'.repeat(DIGITS)) } }

export const objectIdOf = (text: unknown): ObjectId | null =>
  typeof text === 'string' && /^[0-9a-f]{24}$/.test(text) ? new ObjectId(text) : null

/** The document with its id as text. */
export const withTextId = <T extends { _id: unknown }>(document: T): T =>
  document._id instanceof ObjectId ? { ...document, _id: document._id.toHexString() } : document

/** The filter, which speaks of texts, for documents of either kind. */
export const ofEither = (filter: Fields): Fields =>
  speaksOfIds(filter) ? { $or: [{ $and: [filter, TEXTS] }, { $and: [ofObjectIds(filter), OBJECT_IDS] }] } : filter

/** Some documents in the order of their ids as texts: MongoDB has all texts before all ObjectIds. */
export async function inTextOrder<T extends { _id: unknown }>(
  find: (filter: Fields, limit: number) => Promise<T[]>,
  { filter, direction, skip, limit }: { filter: Fields; direction: 1 | -1; skip: number; limit: number },
): Promise<T[]> {
  const end = limit === 0 ? 0 : skip + limit
  const found = await Promise.all([
    find({ $and: [filter, TEXTS] }, end),
    find({ $and: [ofObjectIds(filter), OBJECT_IDS] }, end),
  ])
  const inOrder = found
    .flat()
    .map(withTextId)
    .sort((one, other) => direction * compareTexts(String(one._id), String(other._id)))
  return inOrder.slice(skip, limit === 0 ? undefined : end)
}

const LISTS = ['$and', '$or', '$nor']

function speaksOfIds(filter: Fields): boolean {
  return Object.entries(filter).some(([name, value]) =>
    LISTS.includes(name) ? (value as Fields[]).some(speaksOfIds) : name === '_id',
  )
}

function ofObjectIds(filter: Fields): Fields {
  const entries = Object.entries(filter).map(([name, value]) => {
    if (LISTS.includes(name)) return [name, (value as Fields[]).map(ofObjectIds)]
    return [name, name === '_id' ? conditionOf(value) : value]
  })
  return Object.fromEntries(entries)
}

function conditionOf(condition: unknown): unknown {
  if (typeof condition !== 'object' || condition === null) return objectIdOf(condition) ?? condition
  return Object.fromEntries(Object.entries(condition).map(([name, value]) => operatorOf(name, value)))
}

function operatorOf(name: string, value: unknown): [name: string, value: unknown] {
  if (Array.isArray(value)) return [name, value.map(each => objectIdOf(each) ?? each)]
  const known = objectIdOf(value)
  const isUpper = name === '$lt' || name === '$lte'
  if (known || typeof value !== 'string' || !(isUpper || name === '$gt' || name === '$gte'))
    return [name, known ?? value]
  const first = firstFrom(value)
  if (isUpper) return first ? ['$lt', first] : ['$lte', LAST]
  return first ? ['$gte', first] : ['$gt', LAST]
}

/** The first ObjectId whose text does not come before this one; null: all do. */
function firstFrom(text: string): ObjectId | null {
  const digits = /^[0-9a-f]{0,24}/.exec(text)![0]
  const next = text.slice(digits.length, digits.length + 1)
  const unit = 16n ** BigInt(DIGITS - digits.length)
  const isWhole = digits.length === DIGITS
  const start = BigInt(`0x${digits.padEnd(DIGITS, '0')}`)
  const beyond = next === '' || (!isWhole && next < '0') ? 0n : !isWhole && next < 'a' ? (unit / 16n) * 10n : unit
  const hex = (start + beyond).toString(16).padStart(DIGITS, '0')
  return hex.length > DIGITS ? null : new ObjectId(hex)
}

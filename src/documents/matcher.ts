import type { Query as MingoQuery } from 'mingo'
import type { Document } from './index.ts'
import { byId } from './stored.ts'

type Fields = Record<string, unknown>
type Test = (document: Document) => boolean

/** Tells by mingo if a document fits a filter; but where `$in` has texts, by a set: mingo compares with one after another. Ids are compared by code point. */
export function matcherOf(filter: Fields, Query: typeof MingoQuery): Test {
  const byMingo = (part: Fields): Test => {
    const query = new Query(part)
    return document => query.test(document)
  }
  const tests: Test[] = []
  const rest: Fields = {}
  for (const [field, condition] of Object.entries(filter)) {
    if (field === '$and' || field === '$or') {
      const parts = (condition as Fields[]).map(part => matcherOf(part, Query))
      if (field === '$and') tests.push(...parts)
      else tests.push(document => parts.some(part => part(document)))
      continue
    }
    if (field === '_id' && isRange(condition)) {
      tests.push(({ _id }) => isWithin(_id, condition))
      continue
    }
    const texts = textsOf(condition)
    if (!texts || /[.$]/.test(field)) {
      rest[field] = condition
      continue
    }
    const other = byMingo({ [field]: condition })
    tests.push(document => {
      const value = document[field]
      return typeof value === 'string' ? texts.has(value) : other(document)
    })
  }
  if (Object.keys(rest).length > 0) tests.push(byMingo(rest))
  return document => tests.every(test => test(document))
}

/** Bounds of an id, as texts. */
interface Range {
  $gt?: string
  $gte?: string
  $lt?: string
  $lte?: string
}

const BOUNDS = ['$gt', '$gte', '$lt', '$lte']

export function isRange(condition: unknown): condition is Range {
  const bounds = Object.entries((condition ?? {}) as Fields)
  return bounds.length > 0 && bounds.every(([name, bound]) => BOUNDS.includes(name) && typeof bound === 'string')
}

export const isWithin = (id: string, { $gt, $gte, $lt, $lte }: Range): boolean =>
  ($gt === undefined || byId(id, $gt) > 0) &&
  ($gte === undefined || byId(id, $gte) >= 0) &&
  ($lt === undefined || byId(id, $lt) < 0) &&
  ($lte === undefined || byId(id, $lte) <= 0)

function textsOf(condition: unknown): Set<string> | null {
  const { $in, ...others } = (condition ?? {}) as { $in?: unknown }
  const isOfTexts = Array.isArray($in) && $in.every(value => typeof value === 'string')
  return isOfTexts && Object.keys(others).length === 0 ? new Set($in) : null
}

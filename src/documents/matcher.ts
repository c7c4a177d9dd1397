import type { Document } from './index.ts'
import type { QueryLanguage } from './query-language.ts'
import { compareTexts } from './value-order.ts'

type Fields = Record<string, unknown>
type Test = (document: Document) => boolean

/** Tells if a document fits a filter; where `$in` has texts, by a set: mingo compares with one after another. */
export function matcherOf(filter: Fields, language: QueryLanguage): Test {
  const { tester } = language
  const tests: Test[] = []
  const rest: Fields = {}
  for (const [field, condition] of Object.entries(filter)) {
    if (field === '$and' || field === '$or') {
      const parts = (condition as Fields[]).map(part => matcherOf(part, language))
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
    const other = tester({ [field]: condition })
    tests.push(document => {
      const value = document[field]
      return typeof value === 'string' ? texts.has(value) : other(document)
    })
  }
  if (Object.keys(rest).length > 0) tests.push(tester(rest))
  return document => tests.every(test => test(document))
}

/** Bounds of an id, as texts. */
export interface Range {
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
  ($gt === undefined || compareTexts(id, $gt) > 0) &&
  ($gte === undefined || compareTexts(id, $gte) >= 0) &&
  ($lt === undefined || compareTexts(id, $lt) < 0) &&
  ($lte === undefined || compareTexts(id, $lte) <= 0)

function textsOf(condition: unknown): Set<string> | null {
  const { $in, ...others } = (condition ?? {}) as { $in?: unknown }
  const isOfTexts = Array.isArray($in) && $in.every(value => typeof value === 'string')
  return isOfTexts && Object.keys(others).length === 0 ? new Set($in) : null
}

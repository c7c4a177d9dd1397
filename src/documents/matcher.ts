import type { Document } from './index.ts'
import type { QueryLanguage } from './query-language.ts'

type Fields = Record<string, unknown>
type Test = (document: Document) => boolean

/** Tells if a document fits a filter; where `$in` has texts, by a set: mingo compares with one after another. */
export function matcherOf(filter: Fields, { tester }: QueryLanguage): Test {
  const tests: Test[] = []
  const rest: Fields = {}
  for (const [field, condition] of Object.entries(filter)) {
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

function textsOf(condition: unknown): Set<string> | null {
  const { $in, ...others } = (condition ?? {}) as { $in?: unknown }
  const isOfTexts = Array.isArray($in) && $in.every(value => typeof value === 'string')
  return isOfTexts && Object.keys(others).length === 0 ? new Set($in) : null
}

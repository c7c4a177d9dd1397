/**
 * MongoDB's query language over objects, by mingo. Where mingo would order texts by UTF-16 units, the operators here
 * take the place of its own: ranges, comparisons, `$cmp`, `$sort`, `$min` and `$max`.
 */
import type { AnyObject, Options } from 'mingo/types'
import { compareValues, extreme, type Sort, sorted, typeOrder } from './value-order.ts'

type Test = (document: AnyObject) => boolean

export interface QueryLanguage {
  tester(filter: AnyObject): Test
  aggregate(stages: AnyObject[], over: AnyObject[], collectionResolver: (name: string) => AnyObject[]): AnyObject[]
  sorted<T>(documents: T[], sort: Sort): T[]
  /** The value that a dotted path leads to. */
  valueAt(document: unknown, path: string): unknown
}

const RANGES: Record<`$${string}`, (order: number) => boolean> = {
  $gt: order => order > 0,
  $gte: order => order >= 0,
  $lt: order => order < 0,
  $lte: order => order <= 0,
}

let loaded: Promise<QueryLanguage> | undefined

// A tenth of a second of start-up, which not every thread needs.
export function queryLanguage(): Promise<QueryLanguage> {
  loaded ??= load()
  return loaded
}

async function load(): Promise<QueryLanguage> {
  const [{ Aggregator }, { Query }, { Context, evalExpr }, { Lazy }, { resolve }, ...operators] = await Promise.all([
    ...([import('mingo/aggregator'), import('mingo/query'), import('mingo/core'), import('mingo/lazy')] as const),
    ...([import('mingo/util'), import('mingo/operators/accumulator'), import('mingo/operators/expression')] as const),
    ...([import('mingo/operators/pipeline'), import('mingo/operators/projection')] as const),
    ...([import('mingo/operators/query'), import('mingo/operators/window')] as const),
  ])
  const [accumulator, expression, pipeline, projection, query, window] = operators
  const valueAt = (document: unknown, path: string) => resolve(document as AnyObject, path)

  const ranges = mapped(RANGES, fits => (path: string, wanted: unknown) => {
    const type = typeOrder(wanted)
    const isMet = (value: unknown) => typeOrder(value) === type && fits(compareValues(value, wanted))
    return (document: AnyObject): boolean => {
      const value = resolve(document, path, { unwrapArray: true }) ?? null
      return isMet(value) || (Array.isArray(value) && value.some(isMet))
    }
  })
  const compared = (of: AnyObject, pair: unknown, options: Options) => {
    const [one, other] = evalExpr(of, pair, options) as [unknown, unknown]
    return compareValues(one, other)
  }
  const comparisons = mapped(
    RANGES,
    fits => (of: AnyObject, pair: unknown, options: Options) => fits(compared(of, pair, options)),
  )
  const $cmp = (of: AnyObject, pair: unknown, options: Options) => Math.sign(compared(of, pair, options))
  const extremeBy = (way: 1 | -1) => (all: AnyObject[], expr: unknown, options: Options) =>
    extreme(
      accumulator.$push(all, expr, options).filter(value => value !== null && value !== undefined),
      way,
    ) ?? null
  const $sort: typeof pipeline.$sort = (all, sort) => all.transform(items => Lazy(sorted(items, sort, valueAt)))

  const context = Context.init({
    ...{ projection, window, query: { ...query, ...ranges }, pipeline: { ...pipeline, $sort } },
    expression: { ...expression, ...comparisons, $cmp },
    accumulator: { ...accumulator, $min: extremeBy(1), $max: extremeBy(-1) },
  })
  return {
    tester(filter) {
      const own = new Query(filter, { context })
      return document => own.test(document)
    },
    aggregate: (stages, over, collectionResolver) => new Aggregator(stages, { context, collectionResolver }).run(over),
    sorted: (documents, sort) => sorted(documents, sort, valueAt),
    valueAt,
  }
}

const mapped = <T, U>(fields: Record<`$${string}`, T>, change: (value: T) => U): Record<`$${string}`, U> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, change(value)]))

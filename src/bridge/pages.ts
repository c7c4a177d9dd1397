import { z } from 'zod'
import { isParam } from './inputs.ts'

/** Pages of a list, in the order of some name of its things: those behind `after`, `limit` at most. */

const MOST = 1_000
const USUAL = 100

/** Fields of a query. */
export const PAGE = {
  after: z.string().refine(isParam, { error: 'must be what a page said as next' }).optional(),
  limit: z
    .string()
    .regex(/^\d{1,9}$/, { error: 'must be a number' })
    .transform(Number)
    .pipe(z.number().min(1).max(MOST))
    .default(USUAL),
}

/** The first `limit` of one more than that, if there are; then `next`, to be given back as `after`. */
export function pageOf<T>(
  found: readonly T[],
  limit: number,
  nameOf: (last: T) => string,
): { page: T[]; next?: string } {
  const page = found.slice(0, limit)
  return found.length > limit ? { page, next: nameOf(page.at(-1)!) } : { page }
}

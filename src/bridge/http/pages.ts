import { z } from 'zod'
import { RollcallError } from '../../errors.ts'

const MOST = 1_000
/** Longer than any place in a list. */
const PLACE_CHARS = 2_048

/** The fields of a query by which a list is read in pages; without `limit` a page holds `usual`. */
export const page = (usual: number) => ({
  after: z.string().min(1).max(PLACE_CHARS).optional(),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, { error: `must be a number from 1 to ${MOST}` })
    .transform(Number)
    .pipe(z.number().min(1).max(MOST))
    .optional()
    .transform(limit => limit ?? usual),
})

export const USUAL = 100
/** A page of a list of one thing holds so many unless told. */
export const OF_ONE_THING = MOST

/** A page of items, of which more than `limit` are given where it is not the last: `next` is the place of its last item. */
export function paged<T>(
  items: readonly T[],
  limit: number,
  placeOf: (item: T) => string,
): { items: T[]; next?: string } {
  const shown = items.slice(0, limit)
  return { items: shown, ...(items.length > limit && { next: placeOf(shown.at(-1)!) }) }
}

/** The number and the text of a place written `<number>-<text>`; RC_INVALID_INPUT for anything else. */
export function placeIn(after: string): { at: number; id: string } {
  const match = /^(\d{1,15})-(.+)$/su.exec(after)
  if (!match) throw noPlace()
  return { at: Number(match[1]), id: match[2]! }
}

export function noPlace(): RollcallError {
  const fault = { index: 0, path: 'after', code: 'invalid_place', message: 'is no `next` of this list' }
  return new RollcallError('RC_INVALID_INPUT', undefined, { faults: [fault] })
}

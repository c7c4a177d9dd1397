import { z } from 'zod'
import { RollcallError } from '../../errors.ts'

const MOST = 1_000
/** Longer than any place in a list. */
const PLACE_CHARS = 2_048
const NO_PLACE = 'is no `next` of this list'
/** A place written `<number>-<text>`. */
export const NUMBERED = /^\d{1,15}-./

/**
 * The fields of a query by which a list is read in pages; without `limit` a page holds `usual`, 0: as the list tells.
 * Places of a list may all be like `place`.
 */
export const page = (usual: number, place?: RegExp) => ({
  after: z
    .string()
    .min(1)
    .max(PLACE_CHARS)
    .refine(after => place?.test(after) ?? true, { error: NO_PLACE, params: { code: 'invalid_place' } })
    .meta({ description: 'The `next` of the page before.', ...(place && { pattern: place.source }) })
    .optional(),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, { error: `must be a number from 1 to ${MOST}` })
    .transform(Number)
    .pipe(z.number().min(1).max(MOST))
    .optional()
    .transform(limit => limit ?? usual)
    .meta({
      ...{ type: 'integer', minimum: 1, maximum: MOST, description: 'Items of a page.' },
      ...(usual > 0 && { default: usual }),
    }),
})

const next = z.string().optional().describe('What to ask for as `after`; absent on the last page.')

/** A page of a list as it is answered. */
export const pageOf = <T extends z.ZodRawShape>(shape: T) => z.object({ ...shape, next })

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
  const fault = { index: 0, path: 'after', code: 'invalid_place', message: NO_PLACE }
  return new RollcallError('RC_INVALID_INPUT', undefined, { faults: [fault] })
}

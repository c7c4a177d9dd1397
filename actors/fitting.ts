import type { Event } from './event.ts'

/**
 * Fitting: whether an event of the log holds the facts of its kind. Doors let nothing else in, but whoever may write
 * into the log may have put anything there.
 */

type Fits = (value: unknown) => boolean
type Fields = Readonly<Record<string, Fits>>

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what no id has
const CONTROL = /[\u0000-\u001f\u007f]/

const isText = (value: unknown, bytes: number): value is string =>
  typeof value === 'string' &&
  (value.length <= bytes / 4 || (value.length <= bytes && Buffer.byteLength(value) <= bytes))

export const text = (bytes: number): Fits => {
  return value => isText(value, bytes)
}
export const name = text(256)
export const page = text(8_192)
/** Records are named by ids. */
export const id = (bytes = 256): Fits => {
  return value => isText(value, bytes) && value !== '' && !CONTROL.test(value)
}
export const number: Fits = Number.isFinite
export const count: Fits = value => Number.isSafeInteger(value) && (value as number) >= 0
/** ms since the epoch, as far as there are dates. */
export const instant: Fits = value => Number.isFinite(value) && Math.abs(value as number) <= 8.64e15
export const oneOf = (...values: unknown[]): Fits => {
  return value => values.includes(value)
}
export const orNull = (fits: Fits): Fits => {
  return value => value === null || fits(value)
}
/** In documents, which may be another program's, a null stands for what is not there. */
export const maybe = (fits: Fits): Fits => {
  return value => value === undefined || value === null || fits(value)
}
export const list = (fits: Fits, most: number): Fits => {
  return value => Array.isArray(value) && value.length <= most && value.every(fits)
}
export const object = (fields: Fields): Fits => {
  return value => typeof value === 'object' && value !== null && misfit(value, fields) === undefined
}

/** The first field that does not fit. */
function misfit(value: object, fields: Fields): string | undefined {
  for (const field in fields) if (!fields[field]!((value as Record<string, unknown>)[field])) return field
  return undefined
}

/** The event, which holds the facts of its kind; throws if it does not. */
export function fitting<E extends Event>(event: Event, kinds: Readonly<Record<E['kind'], Fields>>): E {
  const field = misfit(event, kinds[event.kind as E['kind']])
  if (field !== undefined) throw new Error(`${event.kind}: ${field} does not fit.`)
  return event as E
}

import { z } from 'zod'
import { type Fault, RollcallError } from '../errors.ts'

/** The schemas of inputs, one for each; HTTP, NATS and files share them. Unknown fields are dropped. */

const AHEAD_MS = 60_000
const Y2K = Date.UTC(2000, 0, 1)
export const ID_BYTES = 256
export const PAGE_BYTES = 8_192
export const MAX_GROUPS = 100

const fits = (text: string, bytes: number): boolean =>
  text.length <= bytes / 4 || (text.length <= bytes && Buffer.byteLength(text) <= bytes)

/** Text with a bound in UTF-8, without lone surrogates, which have no bytes of their own. */
const text = (bytes: number) =>
  z
    .string()
    .refine(value => fits(value, bytes), { error: `must be at most ${bytes} bytes`, params: { code: 'too_long' } })
    .refine(value => value.isWellFormed(), { error: 'must be well-formed Unicode', params: { code: 'ill_formed' } })
    .meta({ maxLength: bytes, description: `At most ${bytes} bytes as UTF-8.` })

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

const name = (bytes: number) =>
  text(bytes)
    .min(1)
    .refine(value => !CONTROL.test(value), {
      error: 'must not contain control characters',
      params: { code: 'control_character' },
    })
    .meta({
      ...{ maxLength: bytes, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]+$' },
      description: `An id: at most ${bytes} bytes as UTF-8, without control characters.`,
    })

export const id = name(ID_BYTES)
/** A part of a path: an id, or what was made of one. */
export const param = name(2 * ID_BYTES)

export const isId = (value: string, bytes = ID_BYTES): boolean =>
  value !== '' && fits(value, bytes) && value.isWellFormed() && !CONTROL.test(value)

const page = text(PAGE_BYTES)
const short = text(ID_BYTES)
const names = z.array(id).max(MAX_GROUPS)

/** ms since the epoch; `parse` holds it against the arrival */
const instant = z.number().int().meta({ minimum: Y2K, description: 'ms since the epoch, at most 60 s ahead.' })

const country = z
  .string()
  .regex(/^[A-Za-z]{2}$/, { error: 'must be two letters' })
  .toUpperCase()

const SOURCE_PARTS = { source: short, medium: short, campaign: short, keyword: short, content: short }

// A null stands for a field that is not there.
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform(value => value ?? undefined)

/** The hottest input: its nulls stay, since a transform costs as much as the rest. */
export const heartbeat = z
  .object({
    userId: id,
    path: page,
    at: instant.nullish(),
    country: country.nullish(),
    groups: names.nullish(),
  })
  .meta({ examples: [{ userId: 'ann', path: '/sessions/6740f1c29b1e8a0012345678' }] })

export const webEvent = z
  .object({
    id: optional(id),
    sessionId: id,
    ts: instant,
    page,
    userId: optional(short),
    partyId: optional(short),
    referrer: optional(page),
    source: optional(z.object(SOURCE_PARTS).partial()),
  })
  .meta({ examples: [{ sessionId: 'v1', ts: 1_767_297_600_000, page: '/pricing', source: { source: 'news' } }] })

/** As users send it: without a visitor it is of the one their token names. */
export const ownWebEvent = webEvent.extend({ sessionId: optional(id) })

export const sessionStart = z
  .object({
    userId: optional(id),
    /** as other services call the user */
    streamerId: optional(id),
    title: optional(text(1_024)),
    device: optional(z.literal('lovense')),
    /** the id that a service has for the session, as a source that has started would */
    sessionId: optional(id),
  })
  .meta({ examples: [{ userId: 'sue', title: 'Hello' }] })

/** The streamer whose session it is. */
export const streamer = z.object({ userId: id })

const goals = z.array(z.object({ title: text(1_024), price: z.number().min(0) })).max(20)

export const preset = z.object({ preset: z.enum(['preview', 'sd']) }).meta({ examples: [{ preset: 'sd' }] })
export const rating = z
  .object({ userId: id.describe('The rater.'), score: z.number().int().min(1).max(5) })
  .meta({ examples: [{ userId: 'ann', score: 5 }] })
export const sessionGoals = z
  .object({ showGoalPairs: goals.default([]), exclusiveGoalPairs: goals.default([]) })
  .meta({ examples: [{ showGoalPairs: [{ title: 'A song', price: 50 }] }] })

export const user = z
  .object({
    username: optional(short),
    country: optional(country),
    groups: optional(names),
    tags: optional(z.array(id).max(1_000)),
    profile: optional(z.object({ biography: optional(text(65_536)) })),
  })
  .meta({ examples: [{ username: 'Sue', country: 'tw', tags: ['country:tw', 'badge:new'] }] })
export const registration = z
  .object({ kind: z.enum(['fid', 'token']), value: text(4_096).min(1) })
  .meta({ examples: [{ kind: 'fid', value: 'c1a2' }] })
export const source = z
  .object({
    statuses: optional(z.object({ started: optional(z.union([z.string().max(64), z.number()])) })),
    metadata: optional(z.object({ sessionId: optional(id) })),
  })
  .meta({ examples: [{ statuses: { started: '2026-01-01T20:00:00.000Z' }, metadata: { sessionId: 's1' } }] })
export const earning = z
  .object({ id, userId: id, amount: z.number() })
  .meta({ examples: [{ id: 'e1', userId: 'sue', amount: 12.5 }] })
export const trending = z.object({ userIds: z.array(id).max(10_000) }).meta({ examples: [{ userIds: ['sue'] }] })

export const MAX_BATCH = 1_000
const MAX_FAULTS = 100

/** A record, or a list of them, as it is parsed below. */
export const many = <T extends z.ZodType>(record: T) => z.union([record, z.array(record).min(1).max(MAX_BATCH)])

/** A record that fits its schema and arrived at `arrival`. Throws RC_INVALID_INPUT, or RC_INVALID_JSON where nothing came. */
export function parseOne<T>(schema: z.ZodType<T>, input: unknown, arrival: number): T {
  mustBeThere(input)
  const { records, faults } = sift(schema, [input], arrival)
  if (faults.length > 0) throw invalid(faults)
  return records[0]!
}

/** The times that records may be of, beside what holds for any. */
export interface Window {
  /** ms; nothing before it */
  oldest?: number | undefined
  /** so far the clock was ahead when they may have been made */
  wasAheadMs?: number
}

/** A record or an array of them. Throws RC_INVALID_INPUT with the faults of all, at most 100, or as `parseOne`. */
export function parseMany<T>(schema: z.ZodType<T>, input: unknown, arrival: number, window: Window): T[] {
  mustBeThere(input)
  const { records, faults } = sift(schema, input, arrival, window, MAX_FAULTS)
  if (faults.length > 0) throw invalid(faults)
  return records
}

/**
 * A record or an array of them: those that fit, also into the window of time, and the faults of the others, at most 100;
 * looks no further at `most`.
 */
export function sift<T>(
  schema: z.ZodType<T>,
  input: unknown,
  arrival: number,
  window: Window = {},
  most = Number.POSITIVE_INFINITY,
): { records: T[]; faults: Fault[] } {
  const inputs = Array.isArray(input) ? input : [input]
  if (inputs.length === 0 || inputs.length > MAX_BATCH) {
    const code = inputs.length === 0 ? 'too_small' : 'too_big'
    const message = `must hold 1 to ${MAX_BATCH} records, not ${inputs.length}`
    return { records: [], faults: [{ index: 0, path: '', code, message }] }
  }
  const records: T[] = []
  const faults: Fault[] = []
  for (const [index, each] of inputs.entries()) {
    const parsed = schema.safeParse(each)
    const fault = parsed.success ? timeFault(parsed.data as Timed, arrival, window) : null
    if (!parsed.success) faults.push(...faultsOf(parsed.error, index))
    else if (fault) faults.push({ index, ...fault })
    else records.push(parsed.data)
    if (faults.length >= most) break
  }
  return { records, faults: faults.slice(0, MAX_FAULTS) }
}

function mustBeThere(input: unknown): void {
  if (input === undefined) throw new RollcallError('RC_INVALID_JSON')
}

const invalid = (faults: Fault[]): RollcallError => new RollcallError('RC_INVALID_INPUT', undefined, { faults })

interface Timed {
  at?: number | null
  ts?: number
}

/** True if all of these times (ms) fit into the window; -1 stands for the arrival. */
export function areTimely(times: Float64Array, arrival: number, window: Window): boolean {
  let first = arrival
  let last = arrival
  for (let i = 0; i < times.length; i++) {
    const at = times[i]!
    if (at > last) last = at
    else if (at < first && at !== -1) first = at
  }
  return !timeFault({ at: first }, arrival, window) && !timeFault({ at: last }, arrival, window)
}

function timeFault(record: Timed, arrival: number, window: Window): Omit<Fault, 'index'> | null {
  const { oldest = Y2K, wasAheadMs = 0 } = window
  const path = record.ts === undefined ? 'at' : 'ts'
  const time = record.ts ?? record.at ?? arrival
  if (time > arrival + AHEAD_MS + wasAheadMs) return { path, code: 'in_future', message: 'is more than 60 s ahead' }
  if (time < Y2K) return { path, code: 'before_2000', message: 'is before 2000; the unit is milliseconds' }
  if (time < oldest) return { path, code: 'too_old', message: `is more than ${arrival - oldest} ms ago` }
  return null
}

function faultsOf({ issues }: z.ZodError, index: number): Fault[] {
  return issues.map(issue => {
    const own = issue.code === 'custom' ? (issue.params as { code?: string } | undefined)?.code : undefined
    return { index, path: issue.path.join('.').slice(0, 200), code: own ?? issue.code, message: issue.message }
  })
}

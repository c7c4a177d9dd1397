/** An answer of a server, which may be any: it is read within bounds and taken for no more than it shows to be. */
import { z } from 'zod'
import { ERRORS, type ErrorCode, type Fault, RollcallError } from '../../errors.ts'

/** Bytes of an answer, whatever it was compressed to; pages of lists are far shorter. */
const MOST_BYTES = 64 * 2 ** 20
/** Items of a list; servers answer 1,000 at most. */
const MOST_ITEMS = 10_000
/** Objects in objects; an actor's snapshot has some ten. */
const MOST_DEPTH = 200

/**
 * The body as JSON; undefined: it is none, or more or deeper than Rollcall answers. Rejects if it breaks off. A refusal
 * that repeats the token is taken without it.
 */
export async function jsonOf(response: Response, token: string | undefined): Promise<unknown> {
  const parts: Uint8Array[] = []
  let left = MOST_BYTES
  for await (const bytes of response.body ?? []) {
    left -= bytes.length
    if (left < 0) return undefined
    parts.push(bytes)
  }
  const text = new TextDecoder().decode(Buffer.concat(parts))
  return parsed(response.ok || token === undefined ? text : text.replaceAll(token, '…'))
}

/** The value that a text is; undefined: it is no JSON, as of a proxy that answers in HTML, or too deep. */
export function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return isDeep(text) ? undefined : value
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Text that is JSON of a value too deep to be shown or written. */
function isDeep(text: string): boolean {
  let [depth, isText] = [0, false]
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (char === '"') isText = !isText
    else if (isText) i += char === '\\' ? 1 : 0
    else if (char === '[' || char === '{') depth++
    else if (char === ']' || char === '}') depth--
    if (depth > MOST_DEPTH) return true
  }
  return false
}

/** A list; its items are looked at only where they are few enough to tell of each. */
export const listOf = <T>(item: z.ZodType<T>) => z.array(z.unknown()).max(MOST_ITEMS).pipe(z.array(item))

/** Values by names, as many as a list has. */
export const namedOf = <T>(value: z.ZodType<T>) =>
  z
    .record(z.string(), z.unknown())
    .refine(all => Object.keys(all).length <= MOST_ITEMS)
    .pipe(z.record(z.string(), value))

/** The value as it is, with more than the shape says of it, if it has the shape; `what` says whose it is. */
export function shaped<T>(shape: z.ZodType<T>, value: unknown, what: string): T {
  const { success, error } = shape.safeParse(value)
  if (success) return value as T
  const path = error.issues[0]!.path.join('.')
  throw new RollcallError('RC_UNREACHABLE', `${what} did not answer as Rollcall does${path && ` (${path})`}`)
}

const FAULTS: z.ZodType<Fault[]> = listOf(
  z.object({ index: z.number(), path: z.string(), code: z.string(), message: z.string() }),
)

export interface Problem {
  code?: ErrorCode
  message?: string
  faults?: Fault[]
}

/** A refusal's own account of itself, as far as it is one. */
export function problemOf(body: unknown): Problem {
  const { code, message, faults } = (body ?? {}) as { code?: unknown; message?: unknown; faults?: unknown }
  const { data } = FAULTS.safeParse(faults)
  return {
    ...(typeof code === 'string' && Object.hasOwn(ERRORS, code) && { code: code as ErrorCode }),
    ...(typeof message === 'string' && { message }),
    ...(data && { faults: data }),
  }
}

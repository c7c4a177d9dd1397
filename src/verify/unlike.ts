import { isDeepStrictEqual } from 'node:util'

const CHARACTERS = 60

/** How two values differ: the first field that does, with both, as far as they are short; '' if they do not. */
export function unlike(kept: unknown, derived: unknown, path = ''): string {
  if (isDeepStrictEqual(kept, derived)) return ''
  const [one, other] = [fieldsOf(kept), fieldsOf(derived)]
  if (one && other && Array.isArray(kept) === Array.isArray(derived)) {
    for (const name of new Set([...Object.keys(other), ...Object.keys(one)])) {
      const text = unlike(one[name], other[name], path ? `${path}.${name}` : name)
      if (text) return text
    }
  }
  return `${path || 'it'} is ${shown(kept)}, should be ${shown(derived)}`
}

const fieldsOf = (value: unknown): Record<string, unknown> | null =>
  typeof value === 'object' && value !== null && !(value instanceof Date) ? (value as Record<string, unknown>) : null

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'not there'
  return text.length > CHARACTERS ? `${text.slice(0, CHARACTERS)}…` : text
}

import { createHash } from 'node:crypto'
import type { Entry } from './index.ts'
import { countOf, firstOf } from './rows-entry.ts'

/** By which an entry is known from another one that took its seq after it was lost. */
export function fingerprintOf(entry: Entry): string {
  const { kind, key, id, at, arrival } = firstOf(entry) ?? {}
  const text = JSON.stringify([countOf(entry), kind, key, id, at, arrival])
  return createHash('sha256').update(text).digest('base64url').slice(0, 16)
}

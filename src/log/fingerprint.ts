import { createHash } from 'node:crypto'
import type { Entry } from './index.ts'

/** By which an entry is known from another one that took its seq after it was lost. */
export function fingerprintOf({ events }: Entry): string {
  const [first] = events
  const { kind, key, id, at, arrival } = first ?? {}
  const text = JSON.stringify([events.length, kind, key, id, at, arrival])
  return createHash('sha256').update(text).digest('base64url').slice(0, 16)
}

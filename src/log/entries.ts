import { Packr } from 'msgpackr'
import type { Event } from '../../actors/event.ts'
import type { Entry, Seq } from './index.ts'

/** Entries as logs keep them, in msgpack, and how large they may be. */

/** No entries go out sooner than this after those before. */
export const GROUP_MS = 5
/** An entry of more events would hold a shard for too long. */
export const ENTRY_EVENTS = 1_000
/** Events that wait to become durable; more are refused with RC_OVERLOADED. */
export const WAITING_EVENTS = 200_000

/** A key is an id: longer than this it names no actor. */
const KEY_BYTES = 256
/** The greatest time that a date can have, in ms. */
const LAST_INSTANT = 8.64e15
/** The version of entries as they are written: `[version, event, …]`. In the first one the events stood alone. */
const VERSION = 2

// Each value describes its own structures once, so a batch of alike events is small.
const packr = new Packr({ useRecords: true })
export const encode = (events: Event[]): Buffer => Buffer.from(packr.pack([VERSION, ...events]))

const isKey = (key: unknown): boolean =>
  typeof key === 'string' &&
  (key.length <= KEY_BYTES / 4 || (key.length <= KEY_BYTES && Buffer.byteLength(key) <= KEY_BYTES))

const isInstant = (at: unknown): boolean => Number.isFinite(at) && Math.abs(at as number) <= LAST_INSTANT

const isEvent = (thing: unknown): thing is Event => {
  const { kind, key, id, at, arrival } = (thing ?? {}) as Partial<Event>
  return typeof kind === 'string' && isKey(key) && typeof id === 'string' && isInstant(at) && isInstant(arrival)
}

/**
 * The entry of a value, which may hold anything: whoever may write into the log may have put it there. An entry of a
 * later version has its number among the strays, and its events are taken as far as they are such.
 */
export function entryOf(seq: Seq, value: Uint8Array): Entry {
  let things: unknown
  try {
    things = packr.unpack(value)
  } catch {
    return { seq, events: [], strays: 1 }
  }
  if (!Array.isArray(things)) return { seq, events: [], strays: 1 }
  const events = things.filter(isEvent)
  const strays = things.length - events.length - (things[0] === VERSION ? 1 : 0)
  return { seq, events, ...(strays > 0 && { strays }) }
}

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

// Each value describes its own structures once, so a batch of alike events is small.
const packr = new Packr({ useRecords: true })
export const encode = (events: Event[]): Buffer => Buffer.from(packr.pack(events))
export const decode = (value: Uint8Array): Event[] => packr.unpack(value) as Event[]

const isEvent = (thing: unknown): thing is Event => {
  const { kind, key, id, at, arrival } = (thing ?? {}) as Partial<Event>
  const isNamed = typeof kind === 'string' && typeof key === 'string' && typeof id === 'string'
  return isNamed && Number.isFinite(at) && Number.isFinite(arrival)
}

/** The entry of a message, which may hold anything: whoever may publish on a server may have put it there. */
export function entryOf(seq: Seq, value: Uint8Array): Entry {
  let things: unknown
  try {
    things = packr.unpack(value)
  } catch {
    return { seq, events: [], strays: 1 }
  }
  if (!Array.isArray(things)) return { seq, events: [], strays: 1 }
  const events = things.filter(isEvent)
  return { seq, events, ...(events.length < things.length && { strays: things.length - events.length }) }
}

import { crc32 } from 'node:zlib'
import type { Event } from '../../actors/event.ts'
import { RollcallError } from '../errors.ts'
import { type Beats, beatsOfRows, isBeat, isInstant, MOST_KEY } from './beats.ts'
import type { Entry, Seq } from './index.ts'
import { listedBeats } from './listed.ts'
import { listOf } from './listing.ts'
import {
  BYTES_8,
  BYTES_16,
  LIST,
  LIST_15,
  LIST_16,
  LIST_32,
  listIn,
  MOST_IN_MARK,
  NUMBER_8,
  NUMBER_32,
  packr,
} from './msgpack.ts'
import { Packing, Rows } from './rows.ts'
import { type EntryRun, RowsEntry } from './rows-entry.ts'

/** Entries as logs keep them, in msgpack, and how large they may be. */

/** While entries of other partitions are under way, none go out sooner than this after those before. */
export const GROUP_MS = 5
/** An entry of more events would hold a shard for too long. */
export const ENTRY_EVENTS = 1_000
/** Events that wait to become durable; more are refused with RC_OVERLOADED. */
export const WAITING_EVENTS = 200_000

/**
 * The version of entries as they are written: `[version, checksum, runs, rows, event, …]`. The checksum is of all bytes
 * before and after it. Rows are heartbeats; `runs` says how many events come first, then how many rows, and so on. Entries
 * of the third version are without rows; those of the second had no checksum, and those of the first no number either.
 */
const VERSION = 4
const ROWLESS = 3
const UNCHECKED = 2
/** A number whose place in msgpack the checksum takes: four bytes. */
const [BLANK, CHECKSUM_BYTES] = [0xffff_ffff, 4]

/** Without rows it can be read by former versions, of which some process may own a partition: heartbeats are events then. */
export function encode(events: readonly (Event | Rows)[], hasRows = true): Buffer {
  return hasRows ? encodeInRows(events) : encodeInList(events)
}

function encodeInList(events: readonly (Event | Rows)[]): Buffer {
  const isOfRows = (all: readonly (Event | Rows)[]): all is readonly Rows[] => all.every(each => each instanceof Rows)
  if (events.length > 0 && isOfRows(events)) {
    const count = events.reduce((sum, { length }) => sum + length, 2)
    return sealed(listOf(headOf(count), events))
  }
  return sealed(packr.pack([ROWLESS, BLANK, ...events.flatMap(each => (each instanceof Rows ? [...each] : [each]))]))
}

/** The beginning of a list of so many things, up to the events. */
function headOf(count: number): Buffer {
  const head = Buffer.alloc(count < 16 ? 7 : count < 65_536 ? 9 : 11)
  if (head.length === 7) head.writeUInt8(LIST + count)
  else if (head.length === 9) head.writeUIntBE(LIST_16 * 0x1_0000 + count, 0, 3)
  else head.writeUIntBE(LIST_32 * 0x1_0000_0000 + count, 0, 5)
  head.writeUInt8(ROWLESS, head.length - 6)
  head.writeUInt8(NUMBER_32, head.length - 5)
  return head
}

function encodeInRows(events: readonly (Event | Rows)[]): Buffer {
  const [runs, others]: [number[], Event[]] = [[0], []]
  const packing = new Packing()
  // Runs of events and of rows take turns, events first.
  const run = (isOfRows: boolean, count: number): void => {
    if (isOfRows !== (runs.length % 2 === 0)) runs.push(0)
    runs[runs.length - 1]! += count
  }
  for (const each of events) {
    if (each instanceof Rows) {
      run(true, each.length)
      packing.addAll(each)
    } else if (isBeat(each)) {
      run(true, 1)
      packing.add(each)
    } else {
      run(false, 1)
      others.push(each)
    }
  }
  return sealed(
    packr.pack(packing.isEmpty ? [ROWLESS, BLANK, ...others] : [VERSION, BLANK, runs, packing.bytes, ...others]),
  )
}

/** The value with its checksum in its place. */
function sealed(value: Buffer): Buffer {
  const at = placeOf(value)
  value.writeUInt32BE(checksumOf(value, at), at)
  return value
}

/** The place of the checksum, if there is one. */
function placeOf(value: Uint8Array): number {
  const mark = value[0]
  return mark === LIST_16 ? 5 : mark === LIST_32 ? 7 : 3
}

/** The bytes before its place count as the number that it begins with. */
function checksumOf(value: Uint8Array, at: number): number {
  let before = 0
  for (let i = 0; i < at; i++) before = ((before << 8) ^ (before >>> 24) ^ value[i]!) >>> 0
  return crc32(value.subarray(at + CHECKSUM_BYTES, value.length), before)
}

/** True if it is as it was written, false if it is not, undefined if that cannot be seen from it. */
function isWhole(value: Uint8Array): boolean | undefined {
  const at = placeOf(value)
  const version = value[at - 2]!
  if (value[at - 1] !== NUMBER_32 || version < ROWLESS || version > 0x7f) return undefined
  const kept = (value[at]! << 24) | (value[at + 1]! << 16) | (value[at + 2]! << 8) | value[at + 3]!
  return kept >>> 0 === checksumOf(value, at)
}

const isKey = (key: unknown): boolean =>
  typeof key === 'string' &&
  (key.length <= MOST_KEY / 4 || (key.length <= MOST_KEY && Buffer.byteLength(key) <= MOST_KEY))

const isTime = (at: unknown): boolean => typeof at === 'number' && isInstant(at)

const isEvent = (thing: unknown): thing is Event => {
  const { kind, key, id, at, arrival } = (thing ?? {}) as Partial<Event>
  return typeof kind === 'string' && isKey(key) && typeof id === 'string' && isTime(at) && isTime(arrival)
}

/** An event as former versions wrote it, maybe one that is not taken any more. */
const isEventLike = (thing: unknown): boolean => {
  const { kind, id } = (thing ?? {}) as Partial<Event>
  return typeof kind === 'string' && typeof id === 'string'
}

/**
 * The entry of a value. RC_LOG_CORRUPT if it is not as it was written; `isOurs` says if we wrote it, which is asked where
 * that cannot be seen from a checksum. Entries of others may be anything, and are all strays that is no event. An entry of
 * a later version has its number among the strays, and its events are taken as far as they are such.
 */
export function entryOf(partition: number, seq: Seq, value: Uint8Array, isOurs: () => boolean = () => true): Entry {
  const alone = rowsAlone(seq, value) ?? listAlone(seq, value)
  if (alone) return alone
  const whole = isWhole(value)
  if (whole === false && isOurs()) throw damaged(partition, seq)
  const things = listIn(value)
  if (things === undefined) {
    if (isOurs()) throw damaged(partition, seq)
    return { seq, events: [], strays: 1 }
  }
  const rows = whole && things[0] === VERSION ? rowsIn(things) : undefined
  const head = rows ? 4 : whole ? 2 : things[0] === UNCHECKED ? 1 : 0
  const events = things.filter(isEvent)
  const others = things.length - events.length - head
  if (others > 0 && !whole && !things.slice(head).every(isEventLike) && isOurs()) throw damaged(partition, seq)
  const strays = others + (whole && !rows && things[0] !== ROWLESS ? 1 : 0)
  const entry = { seq, ...(strays > 0 && { strays }) }
  return rows ? new RowsEntry(seq, strays, runsIn(things.slice(head), rows)) : { ...entry, events }
}

const damaged = (partition: number, seq: Seq): RollcallError =>
  new RollcallError('RC_LOG_CORRUPT', `Partition ${partition}: entry ${seq} of the log is not as it was written.`)

/** The rows of an entry, and which runs of events and rows it is made of; undefined if what is there is none. */
function rowsIn([, , runs, bytes, ...others]: unknown[]): { runs: number[]; beats: Beats } | undefined {
  if (!Array.isArray(runs) || !(bytes instanceof Uint8Array)) return undefined
  const beats = beatsIn(bufferOf(bytes), 0, bytes.length)
  return beats && isOrder(runs, others.length, beats.length) ? { runs, beats } : undefined
}

function beatsIn(bytes: Buffer, start: number, end: number, rows?: number): Beats | undefined {
  try {
    return beatsOfRows(bytes, start, end, rows)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** An entry of rows alone, as nearly all are, by its bytes; undefined if it is another one, or not as it was written. */
function rowsAlone(seq: Seq, value: Uint8Array): Entry | undefined {
  const isAlone = value[0] === LIST + 4 && value[1] === VERSION && value[2] === NUMBER_32
  // The runs: no events, then as many rows as a short number says.
  if (!isAlone || value[7] !== LIST + 2 || value[8] !== 0) return undefined
  const [count, at] = value[9] === NUMBER_8 ? [value[10]!, 11] : [value[9]!, 10]
  if (at === 10 && count > MOST_IN_MARK) return undefined
  const start = at + (value[at] === BYTES_8 ? 2 : value[at] === BYTES_16 ? 3 : 5)
  const size = start === at + 2 ? value[at + 1]! : start === at + 3 ? (value[at + 1]! << 8) | value[at + 2]! : -1
  if (start + size !== value.length || !isWhole(value)) return undefined
  const beats = beatsIn(bufferOf(value), start, value.length, count)
  return beats?.length === count ? new RowsEntry(seq, 0, [{ beats, from: 0, to: count }]) : undefined
}

/** An entry of listed heartbeats alone, as nearly all without rows are, by its bytes. */
function listAlone(seq: Seq, value: Uint8Array): Entry | undefined {
  const mark = value[0]!
  const at = placeOf(value)
  if (value[at - 2] !== ROWLESS || value[at - 1] !== NUMBER_32 || mark < LIST) return undefined
  const things = mark === LIST_16 ? (value[1]! << 8) | value[2]! : mark <= LIST_15 ? mark - LIST : 0
  if (things <= 2 || !isWhole(value)) return undefined
  const beats = listedBeats(bufferOf(value), at + CHECKSUM_BYTES, things - 2)
  return beats && new RowsEntry(seq, 0, [{ beats, from: 0, to: beats.length }])
}

const bufferOf = (value: Uint8Array): Buffer =>
  Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)

/** True if runs have all events and rows, each once. */
function isOrder(runs: unknown[], events: number, rows: number): runs is number[] {
  const left = [events, rows]
  for (const [i, count] of runs.entries()) {
    if (!Number.isSafeInteger(count) || (count as number) < 0) return false
    left[i % 2]! -= count as number
  }
  return left.every(count => count === 0)
}

/** The runs of an entry that was read. */
function runsIn(others: unknown[], { runs, beats }: { runs: number[]; beats: Beats }): EntryRun[] {
  const parts: EntryRun[] = []
  let [other, row] = [0, 0]
  for (const [i, count] of runs.entries()) {
    if (i % 2 === 0) {
      parts.push(others.slice(other, other + count).filter(isEvent))
      other += count
    } else {
      parts.push({ beats, from: row, to: row + count })
      row += count
    }
  }
  return parts
}

/** Records one after another: their ids, and their values, each as msgpack, in one body. No bytes at all: removed. */
import { Packr, pack, unpack } from 'msgpackr'
import { IN_PLACE } from '../lmdb/sealed.ts'
import type { CheckpointRecord, Delta } from './index.ts'
import { idOf, keyOf } from './record-id.ts'

export interface Run {
  ids: string[]
  /** where in the body each value ends */
  ends: number[]
  body: Buffer
}

/** The newest of a record that its bucket does not have yet. */
export interface Change {
  run: Run
  at: number
}

export const EMPTY: Run = { ids: [], ends: [], body: Buffer.alloc(0) }
/** An id in memory, beyond what it is at rest. */
const ID_BYTES = 64

const startOf = ({ ends }: Run, at: number): number => (at === 0 ? 0 : ends[at - 1]!)
export const isRemoval = ({ run, at }: Change): boolean => run.ends[at] === startOf(run, at)
export const weightOf = ({ ids, body }: Run): number => body.length + ids.length * ID_BYTES
export const recordAt = (run: Run, at: number): CheckpointRecord => ({
  ...keyOf(run.ids[at]!),
  value: unpack(run.body.subarray(startOf(run, at), run.ends[at])),
})

/** A run that is put together of parts of others. */
class Joined {
  readonly #ids: string[] = []
  readonly #ends: number[] = []
  readonly #bodies: Buffer[] = []
  #end = 0

  /** Takes the records from one place to before another. */
  add(run: Run, from: number, to = from + 1): void {
    if (from >= to) return
    const start = startOf(run, from)
    const moved = this.#end - start
    for (let at = from; at < to; at++) {
      this.#ids.push(run.ids[at]!)
      this.#ends.push(run.ends[at]! + moved)
    }
    this.#bodies.push(run.body.subarray(start, run.ends[to - 1]))
    this.#end += run.ends[to - 1]! - start
  }

  /** With a body of its own, or in the room. */
  run(body: Buffer = Buffer.allocUnsafe(this.#end)): Run {
    let at = 0
    for (const each of this.#bodies) at += each.copy(body, at)
    return { ids: this.#ids, ends: this.#ends, body: body.subarray(0, this.#end) }
  }

  get bytes(): number {
    return this.#end
  }
}

const plain = new Packr({ useRecords: false })
/** For lists of things that are alike, whose names are written once. */
const named = new Packr({ useRecords: true })
const packed = (packr: Packr, value: unknown) => packr.pack(value, IN_PLACE) as Buffer & { start: number; end: number }

/** More is not kept for the next one. */
const MOST_ROOM = 16 * 1024 * 1024

/** Room for the body of one run at a time, so that not each takes new memory. */
class Room {
  #bytes: Buffer = Buffer.allocUnsafeSlow(64 * 1024)

  /** At least so many bytes; what was in the first `used` stays. */
  for(bytes: number, used = 0): Buffer {
    const room = this.#bytes
    if (bytes <= room.length && (room.length <= MOST_ROOM || used > 0)) return room
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(2 * bytes, 64 * 1024))
    room.copy(this.#bytes, 0, 0, used)
    return this.#bytes
  }
}

/** Rooms of runs that are packed, or put together, before anything else happens, and of those that are read for that. */
const [packing, reading] = [new Room(), new Room()]

/** Runs one after another as one, each of which may be gone when the next is asked for. Its body is another one's soon. */
export function gathered(runs: Iterable<Run>): Run {
  const [ids, ends]: [string[], number[]] = [[], []]
  let end = 0
  for (const run of runs) {
    run.body.copy(reading.for(end + run.body.length, end), end)
    for (const id of run.ids) ids.push(id)
    for (const own of run.ends) ends.push(end + own)
    end += run.body.length
  }
  return { ids, ends, body: reading.for(end, end).subarray(0, end) }
}

/** A record that is removed is gone even if it is put as well. The body is another run's soon. */
export function runOf({ puts, removes }: Pick<Delta, 'puts' | 'removes'>): Run {
  const [ids, ends]: [string[], number[]] = [[], []]
  let end = 0
  for (const record of puts) {
    const bytes = packed(record.space === 'documents' ? named : plain, record.value)
    const size = bytes.end - bytes.start
    bytes.copy(packing.for(end + size, end), end, bytes.start, bytes.end)
    end += size
    ids.push(idOf(record))
    ends.push(end)
  }
  for (const key of removes) {
    ids.push(idOf(key))
    ends.push(end)
  }
  return { ids, ends, body: packing.for(end, end).subarray(0, end) }
}

export const encode = ({ ids, ends, body }: Run): Buffer => pack([ids, ends, body])

export function decode(bytes: Buffer): Run {
  const [ids, ends, body] = unpack(bytes)
  return { ids, ends, body }
}

/** Runs one after another, as one. */
export function concat(runs: Run[]): Run {
  if (runs.length === 1) return runs[0]!
  const joined = new Joined()
  for (const run of runs) joined.add(run, 0, run.ids.length)
  return joined.run()
}

/** A run in parts that weigh about `bytes`, the places where they begin and end. */
export function* cutUp(run: Run, bytes: number): Generator<[from: number, to: number]> {
  const { ids, ends } = run
  let [from, weight] = [0, 0]
  for (let at = 0; at < ids.length; at++) {
    const own = ends[at]! - startOf(run, at) + ids[at]!.length
    if (at > from && weight + own > bytes) {
      yield [from, at]
      ;[from, weight] = [at, 0]
    }
    weight += own
  }
  if (from < ids.length) yield [from, ids.length]
}

const NUMBER_BYTES = 4

/**
 * The records from one place to before another, as bytes: how many, how many bytes the ids are; of each where its value
 * and its id end, in bytes and in characters; ids, values.
 */
export function bytesOf(run: Run, from: number, to: number): { length: number; fill: (bytes: Buffer) => void } {
  const own = run.ids.slice(from, to)
  const ids = Buffer.from(own.join(''))
  const start = startOf(run, from)
  const valuesAt = (2 * own.length + 2) * NUMBER_BYTES + ids.length
  const end = startOf(run, to)
  return {
    length: valuesAt + end - start,
    fill(bytes) {
      let at = bytes.writeUInt32LE(own.length)
      at = bytes.writeUInt32LE(ids.length, at)
      let idEnd = 0
      for (const [i, id] of own.entries()) {
        idEnd += id.length
        at = bytes.writeUInt32LE(run.ends[from + i]! - start, at)
        at = bytes.writeUInt32LE(idEnd, at)
      }
      ids.copy(bytes, at)
      run.body.copy(bytes, valuesAt, start, end)
    },
  }
}

/** The records again; their values stay where they are. */
export function runIn(bytes: Buffer): Run {
  const [count, length] = [bytes.readUInt32LE(0), bytes.readUInt32LE(NUMBER_BYTES)]
  const idsAt = (2 * count + 2) * NUMBER_BYTES
  const text = bytes.toString('utf8', idsAt, idsAt + length)
  const [ids, ends]: [string[], number[]] = [[], []]
  let idStart = 0
  for (let at = 2 * NUMBER_BYTES; at < idsAt; at += 2 * NUMBER_BYTES) {
    const idEnd = bytes.readUInt32LE(at + NUMBER_BYTES)
    ends.push(bytes.readUInt32LE(at))
    ids.push(text.slice(idStart, idEnd))
    idStart = idEnd
  }
  return { ids, ends, body: bytes.subarray(idsAt + length) }
}

/** The first place in a sorted list of ids that is `id` or after it. */
export function placeOf(ids: readonly string[], id: string): number {
  let [low, high] = [0, ids.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ids[middle]! < id) low = middle + 1
    else high = middle
  }
  return low
}

/** A sorted run as it is with the changes, of which the last of an id counts. The body is another run's soon. */
export function withChanges(base: Run, list: Change[]): Run {
  const changes = new Map(list.map(change => [change.run.ids[change.at]!, change]))
  const joined = new Joined()
  let next = 0
  for (const id of [...changes.keys()].sort()) {
    const from = next
    while (next < base.ids.length && base.ids[next]! < id) next++
    joined.add(base, from, next)
    if (base.ids[next] === id) next++
    const change = changes.get(id)!
    if (!isRemoval(change)) joined.add(change.run, change.at)
  }
  joined.add(base, next, base.ids.length)
  return joined.run(packing.for(joined.bytes))
}

/** The records of which `isOther` says no, and those of which it says yes. */
export function parted(run: Run, isOther: (id: string) => boolean): [Run, Run] {
  const sides = [new Joined(), new Joined()] as const
  for (const [at, id] of run.ids.entries()) sides[isOther(id) ? 1 : 0].add(run, at)
  return [sides[0].run(), sides[1].run()]
}

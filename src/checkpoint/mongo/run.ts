/** Records one after another: their ids, and their values, each as msgpack, in one body. No bytes at all: removed. */
import { pack, unpack } from 'msgpackr'
import type { CheckpointRecord, Delta } from '../index.ts'
import { idOf, keyOf } from '../record-id.ts'

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
const REMOVED = Buffer.alloc(0)

const valueAt = ({ ends, body }: Run, at: number): Buffer => body.subarray(at === 0 ? 0 : ends[at - 1], ends[at])
export const isRemoval = ({ run: { ends }, at }: Change): boolean => ends[at] === (at === 0 ? 0 : ends[at - 1])
export const recordAt = (run: Run, at: number): CheckpointRecord => ({
  ...keyOf(run.ids[at]!),
  value: unpack(valueAt(run, at)),
})

function joined(ids: string[], values: Buffer[]): Run {
  let end = 0
  const ends = values.map(({ length }) => {
    end += length
    return end
  })
  return { ids, ends, body: Buffer.concat(values, end) }
}

/** A record that is removed is gone even if it is put as well. */
export const runOf = ({ puts, removes }: Delta): Run =>
  joined([...puts, ...removes].map(idOf), [...puts.map(({ value }) => pack(value)), ...removes.map(() => REMOVED)])

export const encode = ({ ids, ends, body }: Run): Buffer => pack([ids, ends, body])

export function decode(bytes: Buffer): Run {
  const [ids, ends, body] = unpack(bytes)
  return { ids, ends, body }
}

/** The first place in a sorted run whose id is `id` or after it. */
export function placeOf({ ids }: Run, id: string): number {
  let [low, high] = [0, ids.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ids[middle]! < id) low = middle + 1
    else high = middle
  }
  return low
}

/** A sorted run as it is with the changes, of which the last of an id counts. */
export function withChanges(base: Run, list: Change[]): Run {
  const changes = new Map(list.map(change => [change.run.ids[change.at]!, change]))
  const ids: string[] = []
  const values: Buffer[] = []
  const add = (run: Run, at: number): void => {
    ids.push(run.ids[at]!)
    values.push(valueAt(run, at))
  }
  let next = 0
  for (const id of [...changes.keys()].sort()) {
    for (; next < base.ids.length && base.ids[next]! < id; next++) add(base, next)
    if (base.ids[next] === id) next++
    const change = changes.get(id)!
    if (!isRemoval(change)) add(change.run, change.at)
  }
  for (; next < base.ids.length; next++) add(base, next)
  return joined(ids, values)
}

/** The records of which `isOther` says no, and those of which it says yes. */
export function parted(run: Run, isOther: (id: string) => boolean): [Run, Run] {
  const ids: [string[], string[]] = [[], []]
  const values: [Buffer[], Buffer[]] = [[], []]
  for (const [at, id] of run.ids.entries()) {
    const side = isOther(id) ? 1 : 0
    ids[side].push(id)
    values[side].push(valueAt(run, at))
  }
  return [joined(ids[0], values[0]), joined(ids[1], values[1])]
}

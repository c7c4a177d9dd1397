/**
 * Kept checkpoints: copies of a partition's state from which it can be derived anew when the log no longer begins with
 * its first entry. They are of no use to the owner, which goes on from its checkpoint.
 */
import { crc32 } from 'node:zlib'
import { pack, unpack } from 'msgpackr'
import type { Time } from '../time.ts'
import type { Anchor, CheckpointRecord } from './index.ts'
import type { Cuts } from './peek.ts'

/** A copy that is whole. */
export interface Kept extends Anchor {
  slot: number
  /** ms; when it was made */
  at: number
}

/** Where copies lie: of each partition some slots, each of slices and a head, which is written last. */
export interface KeptSlices {
  /** The heads there are, newest first. */
  heads(partition: number): Promise<Kept[]>
  write(partition: number, slot: number, slice: number, bytes: Buffer): Promise<void>
  finish(partition: number, head: Kept): Promise<void>
  read(partition: number, slot: number): AsyncIterable<Buffer>
  /** Removes the head first. */
  clear(partition: number, slot: number): Promise<void>
  close(): Promise<void>
}

/** Copies of a partition at most; the oldest goes for a new one. */
export const SLOTS = 3
const SLICE_BYTES = 1024 * 1024
const SLICE_RECORDS = 500
const SUM_BYTES = 4

/** Copies the partition as it is by its last commit; null if it was never committed. */
export async function keep(
  { cuts, slices, time }: { cuts: Cuts; slices: KeptSlices; time: Time },
  partition: number,
): Promise<Kept | null> {
  const held = await cuts.hold(partition)
  if (!held) return null
  try {
    const { cut, incarnation, mark } = held.anchor
    if (incarnation === null) return null
    const slot = freeSlot(await slices.heads(partition))
    await slices.clear(partition, slot)
    let [packed, bytes, slice]: [Buffer[], number, number] = [[], 0, 0]
    const flush = async (): Promise<void> => {
      await slices.write(partition, slot, slice++, sealed(pack(packed)))
      ;[packed, bytes] = [[], 0]
      await time.turn()
    }
    for await (const record of held.records()) {
      if ('error' in record) throw record.error
      // Documents that were still to be written are by now.
      if (record.space === 'documents') continue
      const value = pack([record.space, record.names, record.value])
      packed.push(value)
      bytes += value.length
      if (bytes >= SLICE_BYTES || packed.length >= SLICE_RECORDS) await flush()
    }
    await flush()
    const kept: Kept = { slot, cut, incarnation, mark, at: time.now() }
    await slices.finish(partition, kept)
    return kept
  } finally {
    held.release()
  }
}

const freeSlot = (heads: readonly Kept[]): number => {
  const taken = new Set(heads.map(({ slot }) => slot))
  return Array.from({ length: SLOTS }, (_, slot) => slot).find(slot => !taken.has(slot)) ?? heads.at(-1)!.slot
}

/** The records of a copy, some at a time. Throws where it is not as it was written. */
export async function* keptRecords(
  slices: KeptSlices,
  partition: number,
  { slot, cut }: Kept,
): AsyncGenerator<CheckpointRecord[]> {
  for await (const bytes of slices.read(partition, slot)) {
    const body = bodyOf(bytes)
    if (!body) throw new Error(`the kept checkpoint of partition ${partition} at ${cut} is not as it was written`)
    yield (unpack(body) as Buffer[]).map(each => {
      const [space, names, value] = unpack(each)
      return { space, names, value }
    })
  }
}

export function sealed(body: Buffer): Buffer {
  const sum = Buffer.alloc(SUM_BYTES)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([sum, body])
}

/** Undefined if it is not as it was sealed. */
export function bodyOf(bytes: Buffer | undefined): Buffer | undefined {
  const body = bytes?.subarray(SUM_BYTES)
  return body && bytes!.length >= SUM_BYTES && crc32(body) === bytes!.readUInt32BE(0) ? body : undefined
}

export const newestFirst = (a: Kept, b: Kept): number => b.at - a.at || b.cut - a.cut

/** Blobs in LMDB: a key a piece. A bucket is an index and blocks, so that a record is read without all the others. */
import { LRUCache } from 'lru-cache'
import { bytesIn, sealedBytes, seals } from '../../lmdb/sealed.ts'
import type { Blob, Blobs, Packed, Piece, Wanted } from '../blobs.ts'
import { ownGroupOf } from '../buckets.ts'
import { damaged } from '../damage.ts'
import { groupOf, hashOf } from '../groups.ts'
import { keyOf } from '../record-id.ts'
import { bytesOf, concat, cutUp, EMPTY, placeOf, type Run, runIn } from '../run.ts'
import { BLOBS, damagedAt, type Key } from './table.ts'

/** Index of a bucket: the first id in each block, and the sorted hashes of all groups that it has. */
interface Index {
  firsts: string[]
  hashes: Uint32Array
}

/** A block that fits into four pages of LMDB, with its ids. */
const BLOCK_BYTES = 15_000
/** Bytes of the indexes that were read or written last; a thousand buckets and more. */
const INDEX_BYTES = 32 * 1024 * 1024
const FIRST_BYTES = 64

const { seal, open } = seals(false)

/** The key of a blob, to which the number of the piece comes. */
export function keyOfBlob(id: string): Key {
  const [partition, ...numbers] = id.split('/').map(Number)
  return [partition!, BLOBS, ...numbers]
}

function pieceOf(id: string, number: number, run: Run, from = 0, to = run.ids.length): Piece {
  const own = `${id}/${number}`
  const { length, fill } = bytesOf(run, from, to)
  return { id: own, bytes: sealedBytes(own, length, fill) }
}

function indexOf(run: Run, firsts: string[]): Index {
  const groups = new Set<string>()
  for (const id of run.ids) groups.add(ownGroupOf(id))
  const hashes = new Uint32Array(groups.size)
  let at = 0
  for (const group of groups) hashes[at++] = hashOf(group)
  return { firsts, hashes: hashes.sort() }
}

function has(hashes: Uint32Array, hash: number): boolean {
  let [low, high] = [0, hashes.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (hashes[middle]! < hash) low = middle + 1
    else high = middle
  }
  return hashes[low] === hash
}

/** The blocks in which there may be ids that begin so. */
function blocksFor({ firsts, hashes }: Index, prefixes: Iterable<string>): number[] {
  const blocks = new Set<number>()
  for (const prefix of prefixes) {
    const group = groupOf(prefix)
    if (group !== undefined && !has(hashes, hashOf(group))) continue
    const place = placeOf(firsts, prefix)
    if (place > 0) blocks.add(place - 1)
    for (let block = place; firsts[block]?.startsWith(prefix); block++) blocks.add(block)
  }
  return [...blocks].sort((one, other) => one - other)
}

export class LmdbBlobs implements Pick<Blobs, 'packDelta' | 'packBucket'> {
  readonly #get: (key: Key) => Buffer | undefined
  readonly #indexes = new LRUCache<string, Index>({
    maxSize: INDEX_BYTES,
    sizeCalculation: ({ firsts, hashes }) => 1 + hashes.byteLength + firsts.length * FIRST_BYTES,
  })

  /** `get` gives the value under a key. */
  constructor(get: (key: Key) => Buffer | undefined) {
    this.#get = get
  }

  packDelta(run: Run, nextId: () => string): Packed & { run: Run } {
    const id = nextId()
    const piece = pieceOf(id, 0, run)
    const body = piece.bytes.subarray(piece.bytes.length - run.body.length)
    return { blob: { ids: [id], bytes: piece.bytes.length }, pieces: [piece], run: { ...run, body } }
  }

  packBucket(run: Run, nextId: () => string): Packed {
    const id = nextId()
    const [pieces, firsts]: [Piece[], string[]] = [[], []]
    let bytes = 0
    for (const [from, to] of cutUp(run, BLOCK_BYTES)) {
      firsts.push(run.ids[from]!)
      pieces.push(pieceOf(id, firsts.length, run, from, to))
      bytes += pieces.at(-1)!.bytes.length
    }
    const index = indexOf(run, firsts)
    this.#indexes.set(id, index)
    const { buffer, byteLength } = index.hashes
    const value = [firsts, Buffer.from(buffer as ArrayBuffer, 0, byteLength)]
    pieces.push({ id: `${id}/0`, bytes: seal(`${id}/0`, value) })
    return { blob: { ids: [id], bytes }, pieces }
  }

  /** Undefined where it is gone. RC_CHECKPOINT_CORRUPT where it is not as it was written, in all that follows too. */
  delta({ ids: [id] }: Blob): Run | undefined {
    return this.#run(id!, 0)
  }

  bucket({
    blob: {
      ids: [id],
    },
    prefixes,
  }: Wanted): Run | undefined {
    if (id === undefined) return EMPTY
    const index = this.#index(id)
    if (index === undefined) return undefined
    const runs: Run[] = []
    for (const block of prefixes ? blocksFor(index, prefixes) : index.firsts.keys()) {
      const run = this.#run(id, block + 1, index.firsts[block])
      if (run === undefined) return undefined
      runs.push(run)
    }
    return concat(runs)
  }

  #index(id: string): Index | undefined {
    const known = this.#indexes.get(id)
    if (known) return known
    const bytes = this.#get([...keyOfBlob(id), 0])
    if (bytes === undefined) return undefined
    const [firsts, hashes] = open<[string[], Buffer]>(`${id}/0`, bytes, () => damagedAt([...keyOfBlob(id), 0]))
    const index = { firsts, hashes: new Uint32Array(new Uint8Array(hashes).buffer) }
    this.#indexes.set(id, index)
    return index
  }

  #run(id: string, number: number, first?: string): Run | undefined {
    const key: Key = [...keyOfBlob(id), number]
    const bytes = this.#get(key)
    const damage = () => (first === undefined ? damagedAt(key) : damagedFrom(id, number, first))
    return bytes && runIn(bytesIn(`${id}/${number}`, bytes, damage))
  }
}

/** A block is told of with the first of its records. */
function damagedFrom(id: string, number: number, first: string) {
  const { space, names } = keyOf(first)
  return damaged(id.split('/', 1)[0], `piece ${id}/${number} (from the record ${[space, ...names].join('/')} on)`)
}

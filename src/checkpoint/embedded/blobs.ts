/** Blobs in LMDB: a key a piece. A bucket is an index and blocks, so that a record is read without all the others. */
import { LRUCache } from 'lru-cache'
import { bytesIn, sealedBytes, seals } from '../../lmdb/sealed.ts'
import type { Slabs } from '../../lmdb/slabs.ts'
import type { Blob, Blobs, Packed, Piece, Wanted } from '../blobs.ts'
import { ownGroupOf } from '../buckets.ts'
import { damaged } from '../damage.ts'
import { groupOf, hashOf } from '../groups.ts'
import { keyOf } from '../record-id.ts'
import { bytesOf, concat, cutUp, EMPTY, gathered, placeOf, type Run, runIn } from '../run.ts'
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

type Get = (key: Key) => Buffer | undefined

const { seal, open } = seals(false)

/** The key of a blob, to which the number of the piece comes. */
export function keyOfBlob(id: string): Key {
  const [partition, ...numbers] = id.split('/').map(Number)
  return [partition!, BLOBS, ...numbers]
}

function pieceOf(
  id: string,
  number: number,
  run: Run,
  { from = 0, to = run.ids.length, slabs }: { from?: number; to?: number; slabs?: Slabs } = {},
): Piece {
  const own = `${id}/${number}`
  const { length, fill } = bytesOf(run, from, to)
  return { id: own, bytes: sealedBytes(own, length, fill, slabs?.take) }
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
  readonly #get: Get
  readonly #look: Get
  readonly #indexes = new LRUCache<string, Index>({
    maxSize: INDEX_BYTES,
    sizeCalculation: ({ firsts, hashes }) => 1 + hashes.byteLength + firsts.length * FIRST_BYTES,
  })

  /** `get` gives the value under a key, `look` where it may be gone when the next is asked for. */
  constructor(get: Get, look = get) {
    this.#get = get
    this.#look = look
  }

  packDelta(run: Run, nextId: () => string): Packed & { run: Run } {
    const id = nextId()
    const piece = pieceOf(id, 0, run)
    const body = piece.bytes.subarray(piece.bytes.length - run.body.length)
    return { blob: { ids: [id], bytes: piece.bytes.length }, pieces: [piece], run: { ...run, body } }
  }

  packBucket(run: Run, nextId: () => string, slabs: Slabs): Packed {
    const id = nextId()
    const [pieces, firsts]: [Piece[], string[]] = [[], []]
    let bytes = 0
    for (const [from, to] of cutUp(run, BLOCK_BYTES)) {
      firsts.push(run.ids[from]!)
      pieces.push(pieceOf(id, firsts.length, run, { from, to, slabs }))
      bytes += pieces.at(-1)!.bytes.length
    }
    const index = indexOf(run, firsts)
    this.#indexes.set(id, index)
    const { buffer, byteLength } = index.hashes
    const value = [firsts, Buffer.from(buffer as ArrayBuffer, 0, byteLength)]
    pieces.push({ id: `${id}/0`, bytes: seal(`${id}/0`, value, slabs.take) })
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
      const run = this.#run(id, block + 1, { first: index.firsts[block] })
      if (run === undefined) return undefined
      runs.push(run)
    }
    return concat(runs)
  }

  /** Gives all of a bucket to `use`: once that ends its body is another one's. False where it is gone. */
  useBucket(blob: Blob, use: (run: Run) => void): boolean {
    const run = this.#whole(blob)
    if (run) use(run)
    return run !== undefined
  }

  #whole({ ids: [id] }: Blob): Run | undefined {
    if (id === undefined) return EMPTY
    const { firsts } = this.#index(id) ?? { firsts: null }
    if (firsts === null) return undefined
    let isWhole = true
    const runs = function* (blobs: LmdbBlobs) {
      for (const [block, first] of firsts.entries()) {
        const run = blobs.#run(id, block + 1, { first, get: blobs.#look })
        if (run) yield run
        else isWhole = false
      }
    }
    const run = gathered(runs(this))
    return isWhole ? run : undefined
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

  #run(
    id: string,
    number: number,
    { first, get = this.#get }: { first?: string | undefined; get?: Get } = {},
  ): Run | undefined {
    const key: Key = [...keyOfBlob(id), number]
    const bytes = get(key)
    const damage = () => (first === undefined ? damagedAt(key) : damagedFrom(id, number, first))
    return bytes && runIn(bytesIn(`${id}/${number}`, bytes, damage))
  }
}

/** A block is told of with the first of its records. */
function damagedFrom(id: string, number: number, first: string) {
  const { space, names } = keyOf(first)
  return damaged(id.split('/', 1)[0], `piece ${id}/${number} (from the record ${[space, ...names].join('/')} on)`)
}

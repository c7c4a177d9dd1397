/** Blobs: bytes that are written once, in pieces of at most 4 MB, under ids `<partition>/<epoch>/<n>/<i>`. */
import { crc32 } from 'node:zlib'
import type { Collection, Db } from 'mongodb'
import { duplicates, type Repeat } from '../../mongodb/outcome.ts'
import { damaged } from '../damage.ts'

export interface Piece {
  _id: string
  b: Buffer
  /** the checksum of both; former versions wrote none */
  c?: number
}

/** Bytes at rest: the ids of their pieces, in order. */
export interface Blob {
  ids: string[]
  bytes: number
}

const PIECE_BYTES = 4 * 1024 * 1024
const IDS_AT_ONCE = 1_000

export const piecesOf = (bytes: Buffer, nextId: () => string): Piece[] =>
  Array.from({ length: Math.ceil(bytes.length / PIECE_BYTES) }, (_, i) => {
    const [_id, b] = [nextId(), bytes.subarray(i * PIECE_BYTES, (i + 1) * PIECE_BYTES)]
    return { _id, b, c: checksumOf(_id, b) }
  })

const checksumOf = (id: string, bytes: Buffer): number => crc32(bytes, crc32(id))

/** Lists of items one after another, none heavier than `limit` unless it is a single item. */
export function batches<T>(items: Iterable<T>, weightOf: (item: T) => number, limit: number): T[][] {
  const found: T[][] = []
  let left = 0
  for (const item of items) {
    const weight = weightOf(item)
    if (weight > left || found.length === 0) {
      found.push([])
      left = limit
    }
    found.at(-1)!.push(item)
    left -= weight
  }
  return found
}

export class Blobs {
  readonly #collection: Collection<Piece>
  readonly #repeat: Repeat

  constructor(db: Db, repeat: Repeat) {
    this.#collection = db.collection<Piece>('checkpoint-blobs', { promoteBuffers: true })
    this.#repeat = repeat
  }

  /** A piece that is there is the one given: nobody else has its id. */
  async insert(pieces: Piece[]): Promise<void> {
    for (const batch of batches(pieces, ({ b }) => b.length, PIECE_BYTES))
      await this.#repeat(async () => {
        try {
          await this.#collection.insertMany(batch, { ordered: false })
        } catch (error) {
          if (duplicates(error) === null) throw error
        }
      })
  }

  /** The bytes of each blob; undefined where a piece is missing. RC_CHECKPOINT_CORRUPT if one is not as it was written. */
  async read(blobs: Blob[]): Promise<(Buffer | undefined)[]> {
    const ids = blobs.flatMap(blob => blob.ids)
    const query = () => this.#collection.find({ _id: { $in: ids } }).toArray()
    const found = ids.length > 0 ? await this.#repeat(query) : []
    for (const { _id, b, c } of found) {
      if (c !== undefined && c !== checksumOf(_id, b)) throw damaged(_id.split('/', 1)[0], `piece ${_id}`)
    }
    const pieces = new Map(found.map(({ _id, b }) => [_id, b]))
    return blobs.map(blob => {
      const parts = blob.ids.map(id => pieces.get(id))
      // A copy: the driver's are parts of the whole answer, which they would keep in memory.
      return parts.every(part => part !== undefined) ? Buffer.concat(parts) : undefined
    })
  }

  async remove(ids: string[]): Promise<void> {
    for (const some of batches(ids, () => 1, IDS_AT_ONCE))
      await this.#repeat(() => this.#collection.deleteMany({ _id: { $in: some } }))
  }

  /** The ids of all pieces of the partition. */
  async ids(partition: number): Promise<string[]> {
    const query = () =>
      this.#collection
        .find({ _id: { $gte: `${partition}/`, $lt: `${partition}0` } }, { projection: { _id: 1 } })
        .toArray()
    return (await this.#repeat(query)).map(({ _id }) => _id)
  }
}

/** Blobs in MongoDB: pieces of at most 4 MB, each a document. */
import { crc32 } from 'node:zlib'
import type { Collection, Db } from 'mongodb'
import { duplicates, type Repeat } from '../../mongodb/outcome.ts'
import { type Blob, type Blobs, batches, type Packed, type Piece, type Wanted } from '../blobs.ts'
import { damaged } from '../damage.ts'
import { decode, EMPTY, encode, type Run } from '../run.ts'
import { RunCache } from './run-cache.ts'

export interface StoredPiece {
  _id: string
  b: Buffer
  /** the checksum of both; former versions wrote none */
  c?: number
}

const PIECE_BYTES = 4 * 1024 * 1024
const IDS_AT_ONCE = 1_000

const checksumOf = (id: string, bytes: Buffer): number => crc32(bytes, crc32(id))

function packed(bytes: Buffer, nextId: () => string): Packed {
  const pieces = Array.from({ length: Math.ceil(bytes.length / PIECE_BYTES) }, (_, i) => ({
    ...{ id: nextId(), bytes: bytes.subarray(i * PIECE_BYTES, (i + 1) * PIECE_BYTES) },
  }))
  return { blob: { ids: pieces.map(({ id }) => id), bytes: bytes.length }, pieces }
}

/** With a body of its own. */
const owned = (run: Run): Run => ({ ...run, body: Buffer.from(run.body) })

export class MongoBlobs implements Blobs {
  readonly #collection: Collection<StoredPiece>
  readonly #repeat: Repeat
  readonly #cache: RunCache

  constructor(db: Db, repeat: Repeat, cacheBytes = 0) {
    this.#collection = db.collection<StoredPiece>('checkpoint-blobs', { promoteBuffers: true })
    this.#repeat = repeat
    this.#cache = new RunCache(cacheBytes)
  }

  packDelta(run: Run, nextId: () => string): Packed & { run: Run } {
    return { ...packed(encode(run), nextId), run: owned(run) }
  }

  packBucket(run: Run, nextId: () => string): Packed {
    const one = packed(encode(run), nextId)
    this.#cache.keep(one.blob, owned(run))
    return one
  }

  async readDeltas(blobs: Blob[]): Promise<(Run | undefined)[]> {
    return (await this.read(blobs)).map(bytes => bytes && decode(bytes))
  }

  async useBucket(blob: Blob, use: (run: Run) => void): Promise<boolean> {
    const [run] = await this.readBuckets([{ blob }])
    if (run) use(run)
    return run !== undefined
  }

  async readBuckets(wanted: Wanted[]): Promise<(Run | undefined)[]> {
    const cached = wanted.map(({ blob }) => (blob.ids.length === 0 ? EMPTY : this.#cache.get(blob)))
    const missing = wanted.map(({ blob }) => blob).filter((_, i) => cached[i] === undefined)
    const read = await this.readDeltas(missing)
    for (const [i, blob] of missing.entries()) if (read[i]) this.#cache.keep(blob, read[i])
    return cached.map(run => run ?? read.shift())
  }

  /** A piece that is there is the one given: nobody else has its id. */
  async insert(pieces: Piece[]): Promise<void> {
    const documents = pieces.map(({ id, bytes }): StoredPiece => ({ _id: id, b: bytes, c: checksumOf(id, bytes) }))
    for (const batch of batches(documents, ({ b }) => b.length, PIECE_BYTES))
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

  async ids(partition: number): Promise<string[]> {
    const query = () =>
      this.#collection
        .find({ _id: { $gte: `${partition}/`, $lt: `${partition}0` } }, { projection: { _id: 1 } })
        .toArray()
    return (await this.#repeat(query)).map(({ _id }) => _id)
  }
}

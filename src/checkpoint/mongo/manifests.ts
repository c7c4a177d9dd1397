/** Manifests in MongoDB: one document a partition, whose update is the commit. */
import { crc32 } from 'node:zlib'
import type { Collection, Db } from 'mongodb'
import { RollcallError } from '../../errors.ts'
import { duplicates, type Repeat, Unsettled } from '../../mongodb/outcome.ts'
import { firstManifest, type Lists, type Manifest, type Manifests, type Piece } from '../blobs.ts'
import { damaged } from '../damage.ts'
import type { MongoBlobs } from './blobs.ts'

export interface StoredManifest extends Omit<Manifest, 'partition' | 'mark'> {
  _id: number
  mark?: string | null
  /** the checksum of the lists, of one attempt: a former version goes on without */
  sum?: { attempt: string | null; crc: number }
}

const sumOf = (partition: number, lists: Omit<Lists, 'mark'> & { mark?: string | null }): number => {
  const { n, attempt, cut, incarnation, mark = null, buckets, deltas } = lists
  return crc32(
    JSON.stringify([
      ...[partition, n, attempt, cut, incarnation, mark],
      ...[
        buckets.map(({ at, n, ids, bytes }) => [at, n, ids, bytes]),
        deltas.map(({ n, ids, bytes }) => [n, ids, bytes]),
      ],
    ]),
  )
}

/** The manifest that was read. RC_CHECKPOINT_CORRUPT if it is not as it was written. */
function whole(stored: StoredManifest): Manifest {
  const { _id: partition, sum, mark = null, ...rest } = stored
  if (sum && sum.attempt === stored.attempt && sum.crc !== sumOf(partition, stored))
    throw damaged(partition, 'manifest')
  return { partition, mark, ...rest }
}

const stored = ({ partition, ...rest }: Manifest): StoredManifest => ({ _id: partition, ...rest })

export class MongoManifests implements Manifests {
  readonly #collection: Collection<StoredManifest>
  readonly #repeat: Repeat
  readonly #blobs: MongoBlobs

  constructor(db: Db, repeat: Repeat, blobs: MongoBlobs) {
    this.#collection = db.collection<StoredManifest>('checkpoint-manifests')
    this.#repeat = repeat
    this.#blobs = blobs
  }

  async read(partition: number): Promise<Manifest | null> {
    const found = await this.#repeat(() => this.#collection.findOne({ _id: partition }))
    return found && whole(found)
  }

  claim(partition: number, owner: string): Promise<Manifest> {
    const take = () =>
      this.#collection.findOneAndUpdate(
        { _id: partition },
        { $inc: { epoch: 1 }, $set: { owner } },
        { returnDocument: 'after' },
      )
    return this.#repeat(async () => {
      const taken = await take()
      if (taken !== null) return whole(taken)
      const made = firstManifest(partition, owner)
      try {
        await this.#collection.insertOne(stored(made))
        return made
      } catch (error) {
        if (duplicates(error) === null) throw error
        throw new Unsettled('somebody else claimed the partition first')
      }
    })
  }

  async forget(partition: number): Promise<void> {
    await this.#repeat(async () => {
      const found = await this.#collection.findOne({ _id: partition })
      const { owner, epoch, n } = found ?? firstManifest(partition, '')
      const { _id, ...empty } = stored({ ...firstManifest(partition, owner), epoch, n: n + 1 })
      await this.#collection.replaceOne({ _id, epoch }, empty)
    })
  }

  async commit(partition: number, epoch: number, next: Lists, pieces: Piece[], removed: string[]): Promise<boolean> {
    await Promise.all([this.#blobs.insert(pieces), this.#blobs.remove(removed)])
    const sum = { attempt: next.attempt, crc: sumOf(partition, next) }
    return this.#repeat(async () => {
      const mine = { _id: partition, epoch, n: next.n - 1 }
      const { matchedCount } = await this.#collection.updateOne(mine, { $set: { ...next, sum } })
      if (matchedCount === 1) return true
      const now = await this.#collection.findOne({ _id: partition })
      if (now?.attempt === next.attempt) return true
      if (now?.epoch !== epoch) throw new RollcallError('RC_FENCED')
      if (now.n < next.n) throw new Unsettled('the manifest is about to change')
      return false
    })
  }
}

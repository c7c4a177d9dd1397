/** Manifests: one document a partition, which says who owns it and what of its blobs counts. */
import { crc32 } from 'node:zlib'
import type { Collection, Db } from 'mongodb'
import { RollcallError } from '../../errors.ts'
import type { Seq } from '../../log/index.ts'
import { duplicates, type Repeat, Unsettled } from '../../mongodb/outcome.ts'
import { damaged } from '../damage.ts'
import type { Blob } from './blobs.ts'

/** The records of a space whose hash begins with some bits, as of commit `n`. */
export interface BucketEntry extends Blob {
  /** `<space>/<bits>` */
  at: string
  n: number
}

/** The changes of commit `n`, as long as a bucket is older. */
export interface DeltaEntry extends Blob {
  n: number
}

/** The part of a manifest that a commit replaces. */
export interface Lists {
  /** the commit's number, +1 each */
  n: number
  /** the one attempt of it that counts */
  attempt: string | null
  cut: Seq
  incarnation: string | null
  mark?: string | null
  /** oldest first */
  buckets: BucketEntry[]
  deltas: DeltaEntry[]
}

export interface Manifest extends Lists {
  _id: number
  owner: string
  epoch: number
  /** the checksum of the lists, of one attempt: a former version goes on without */
  sum?: { attempt: string | null; crc: number }
}

const sumOf = (partition: number, { n, attempt, cut, incarnation, mark = null, buckets, deltas }: Lists): number =>
  crc32(
    JSON.stringify([
      ...[partition, n, attempt, cut, incarnation, mark],
      ...[
        buckets.map(({ at, n, ids, bytes }) => [at, n, ids, bytes]),
        deltas.map(({ n, ids, bytes }) => [n, ids, bytes]),
      ],
    ]),
  )

/** The manifest that was read. RC_CHECKPOINT_CORRUPT if it is not as it was written. */
function whole<M extends Manifest | null>(manifest: M): M {
  const { _id, attempt, sum } = manifest ?? {}
  if (sum && sum.attempt === attempt && sum.crc !== sumOf(_id!, manifest!)) throw damaged(_id, 'manifest')
  return manifest
}

const SPACES = ['actor', 'deadline', 'aggregate', 'documents', 'outbox', 'parked']

const first = (partition: number, owner: string): Manifest => ({
  ...{ _id: partition, owner, epoch: 1, n: 0, attempt: null, cut: 0, incarnation: null, deltas: [] },
  buckets: SPACES.map(space => ({ at: `${space}/`, n: 0, ids: [], bytes: 0 })),
})

export class Manifests {
  readonly #collection: Collection<Manifest>
  readonly #repeat: Repeat

  constructor(db: Db, repeat: Repeat) {
    this.#collection = db.collection<Manifest>('checkpoint-manifests')
    this.#repeat = repeat
  }

  async read(partition: number): Promise<Manifest | null> {
    return whole(await this.#repeat(() => this.#collection.findOne({ _id: partition })))
  }

  /** The manifest with a higher epoch than anybody's; repeated, an epoch is passed over. */
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
      const made = first(partition, owner)
      try {
        await this.#collection.insertOne(made)
        return made
      } catch (error) {
        if (duplicates(error) === null) throw error
        throw new Unsettled('somebody else claimed the partition first')
      }
    })
  }

  /** Lists nothing any more. */
  async forget(partition: number): Promise<void> {
    await this.#repeat(async () => {
      const { owner, epoch, n } = (await this.#collection.findOne({ _id: partition })) ?? first(partition, '')
      const { _id, ...empty } = { ...first(partition, owner), epoch, n: n + 1 }
      await this.#collection.replaceOne({ _id, epoch }, empty)
    })
  }

  /** True if the commit counts; false if an earlier attempt of the same owner at this number does. */
  commit(partition: number, epoch: number, next: Lists): Promise<boolean> {
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

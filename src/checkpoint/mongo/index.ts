import type { Db } from 'mongodb'
import { RollcallError } from '../../errors.ts'
import { type Repeat, repeated } from '../../mongodb/outcome.ts'
import { systemTime, type Time } from '../../time.ts'
import type { Anchor, CheckpointStore, Claim, RecordKey } from '../index.ts'
import { type Blob, Blobs, batches } from './blobs.ts'
import { Image, recordsIn } from './image.ts'
import { type Manifest, Manifests } from './manifest.ts'
import { decode, type Run, runOf } from './run.ts'
import { RunCache } from './run-cache.ts'

export interface MongoCheckpointOptions {
  /** how long something is repeated that MongoDB does not answer, before RC_STORE_UNAVAILABLE */
  patienceMs?: number
  /** of what was read or written, to be kept in memory; the deltas of each claim, 16 MB at most, come on top */
  cacheBytes?: number
  time?: Time
}

const CACHE_BYTES = 64 * 1024 * 1024
const READ_BYTES = 8 * 1024 * 1024

/**
 * Checkpoints in MongoDB, without transactions. All of a partition is in blobs that never change; its
 * manifest lists those that count, so that one update of one document is the commit, and the fence.
 */
export function openMongoCheckpoints(db: Db, options: MongoCheckpointOptions = {}): CheckpointStore {
  const { patienceMs = 5_000, cacheBytes = CACHE_BYTES, time = systemTime } = options
  const repeat: Repeat = work => repeated(work, patienceMs, time)
  const manifests = new Manifests(db, repeat)
  const blobs = new Blobs(db, repeat)
  const cache = new RunCache(blobs, cacheBytes)
  const images = new WeakMap<Claim, Image>()

  const imageOf = (claim: Claim): Image => {
    const image = images.get(claim)
    if (image === undefined) throw new RollcallError('RC_FENCED')
    return image
  }

  /** Only who owns the partition removes blobs. */
  const goneFrom = async ({ partition, epoch }: Claim): Promise<Error> => {
    const owner = await manifests.read(partition)
    return owner?.epoch === epoch
      ? new Error(`the checkpoint of partition ${partition} lacks a blob that is listed`)
      : new RollcallError('RC_FENCED')
  }

  const basesOf = async (claim: Claim, wanted: Blob[]): Promise<Run[]> => {
    const runs = await cache.get(wanted)
    if (runs.includes(undefined)) throw await goneFrom(claim)
    return runs as Run[]
  }

  const open = async (claim: Claim, manifest: Manifest): Promise<Image> => {
    const image = new Image(manifest, images.get(claim)?.readers)
    for (const batch of batches(manifest.deltas, ({ bytes }) => bytes, READ_BYTES)) {
      for (const [i, bytes] of (await blobs.read(batch)).entries()) {
        if (bytes === undefined) throw await goneFrom(claim)
        image.restore(batch[i]!.n, decode(bytes))
      }
    }
    images.set(claim, image)
    return image
  }

  /** Removes what no longer counts; not while somebody may be reading it. */
  const sweep = async ({ partition }: Claim, image: Image): Promise<void> => {
    if (image.readers.count > 0) return
    await blobs.remove(image.isLittered ? image.litter(await blobs.ids(partition)) : image.garbage)
    image.garbage = []
    image.isLittered = false
  }

  const attempt = async (claim: Claim, image: Image, changes: Run, next: Anchor) => {
    const plan = await image.plan(changes, next, async blob => (await basesOf(claim, [blob]))[0]!)
    await Promise.all([blobs.insert(plan.pieces), sweep(claim, image)])
    if (!(await manifests.commit(claim.partition, claim.epoch, plan.lists))) return false
    image.land(plan)
    for (const [{ entry }, run] of plan.made) cache.keep(entry, run)
    return true
  }

  return {
    async claim(partition, owner) {
      const manifest = await manifests.claim(partition, owner)
      const { epoch, cut, incarnation, mark = null } = manifest
      const claim: Claim = { partition, owner, epoch, cut, incarnation, mark }
      await open(claim, manifest)
      return claim
    },

    async *load(claim, keys: RecordKey[]) {
      const image = imageOf(claim)
      const selections = image.select(keys)
      image.readers.count++
      try {
        for (const batch of batches(selections, ({ blob }) => blob.bytes, READ_BYTES)) {
          const bases = await basesOf(
            claim,
            batch.map(({ blob }) => blob),
          )
          for (const [i, selection] of batch.entries()) yield* recordsIn(bases[i]!, selection)
        }
      } finally {
        image.readers.count--
      }
    },

    async commit(claim, cut, delta) {
      const changes = runOf(delta)
      const next: Anchor = { cut, incarnation: delta.incarnation, mark: delta.mark }
      let image = imageOf(claim)
      try {
        while (!(await attempt(claim, image, changes, next))) {
          // A commit that had no answer came through later: on from there.
          const manifest = await manifests.read(claim.partition)
          if (manifest?.epoch !== claim.epoch) throw new RollcallError('RC_FENCED')
          image = await open(claim, manifest)
        }
      } catch (error) {
        image.isLittered = true
        throw error
      }
      Object.assign(claim, next)
    },

    async peek(partition) {
      const manifest = await manifests.read(partition)
      return manifest && { cut: manifest.cut, incarnation: manifest.incarnation, mark: manifest.mark ?? null }
    },

    forget: partition => manifests.forget(partition),

    async close() {},
  }
}

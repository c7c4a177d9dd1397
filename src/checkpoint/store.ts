import { RollcallError } from '../errors.ts'
import { Slabs } from '../lmdb/slabs.ts'
import { type Blob, type Blobs, batches, type Manifest, type Manifests, READ_BYTES, type Wanted } from './blobs.ts'
import { damaged } from './damage.ts'
import { Image, type Pace, recordsIn } from './image.ts'
import type { Anchor, CheckpointStore, Claim, Delta, RecordKey } from './index.ts'
import { type Run, runOf } from './run.ts'

/** Checkpoints of blobs and manifests: a commit writes the changes, now and then a bucket, and lists what counts. */
export function checkpointsOf(
  manifests: Manifests,
  blobs: Blobs,
  paceOf: (partitions: () => number) => Pace,
): Omit<CheckpointStore, 'close'> {
  const images = new WeakMap<Claim, Image>()
  const claimed = new Set<number>()
  const pace = paceOf(() => claimed.size)

  const imageOf = (claim: Claim): Image => {
    const image = images.get(claim)
    if (image === undefined) throw new RollcallError('RC_FENCED')
    return image
  }

  /** Only who owns the partition removes blobs. */
  const goneFrom = async ({ partition, epoch }: Claim): Promise<Error> => {
    const owner = await manifests.read(partition)
    return owner?.epoch === epoch ? damaged(partition, 'list of blobs') : new RollcallError('RC_FENCED')
  }

  const basesOf = async (claim: Claim, wanted: Wanted[]): Promise<Run[]> => {
    const runs = await blobs.readBuckets(wanted)
    if (runs.includes(undefined)) throw await goneFrom(claim)
    return runs as Run[]
  }

  const open = async (claim: Claim, manifest: Manifest): Promise<Image> => {
    const image = new Image(manifest, pace, images.get(claim)?.readers)
    if (!(await image.read(blobs))) throw await goneFrom(claim)
    images.set(claim, image)
    return image
  }

  /** Pieces that no longer count; null while somebody may be reading them. */
  const unneeded = async ({ partition }: Claim, image: Image): Promise<string[] | null> => {
    if (image.readers.count > 0) return null
    return image.isLittered ? image.litter(await blobs.ids(partition)) : image.garbage
  }

  /** The bytes that were written; null where an earlier commit came through. */
  const attempt = async (claim: Claim, image: Image, delta: Delta, next: Anchor): Promise<number | null> => {
    const useBase = async (blob: Blob, use: (run: Run) => void): Promise<void> => {
      if (!(await blobs.useBucket(blob, use))) throw await goneFrom(claim)
    }
    const slabs = new Slabs()
    const plan = await image.plan(runOf(delta), next, blobs, useBase, slabs)
    const removed = await unneeded(claim, image)
    if (!(await manifests.commit(claim.partition, claim.epoch, plan.lists, plan.pieces, removed ?? []))) return null
    slabs.free()
    if (removed) [image.garbage, image.isLittered] = [[], false]
    image.land(plan)
    return plan.pieces.reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  return {
    async claim(partition, owner) {
      const manifest = await manifests.claim(partition, owner)
      const { epoch, cut, incarnation, mark } = manifest
      const claim: Claim = { partition, owner, epoch, cut, incarnation, mark }
      claimed.add(partition)
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
            batch.map(({ blob, wanted }) => ({ blob, prefixes: wanted.keys() })),
          )
          for (const [i, selection] of batch.entries()) yield* recordsIn(bases[i]!, selection)
        }
      } finally {
        image.readers.count--
      }
    },

    async commit(claim, cut, delta) {
      const next: Anchor = { cut, incarnation: delta.incarnation, mark: delta.mark }
      let image = imageOf(claim)
      try {
        for (;;) {
          const written = await attempt(claim, image, delta, next)
          if (written !== null) {
            Object.assign(claim, next)
            return written
          }
          // A commit that had no answer came through later: on from there.
          const manifest = await manifests.read(claim.partition)
          if (manifest?.epoch !== claim.epoch) throw new RollcallError('RC_FENCED')
          image = await open(claim, manifest)
        }
      } catch (error) {
        image.isLittered = true
        throw error
      }
    },

    async peek(partition) {
      const manifest = await manifests.read(partition)
      return manifest && { cut: manifest.cut, incarnation: manifest.incarnation, mark: manifest.mark }
    },

    forget: partition => manifests.forget(partition),
  }
}

/** Conversion: blobs made of records that have a key each. */
import type { Blobs, Manifest, Piece } from '../blobs.ts'
import { Image } from '../image.ts'
import type { CheckpointRecord } from '../index.ts'
import { runOf } from '../run.ts'

/** Bytes of a partition that are in memory meanwhile, at most; a part of its buckets is rewritten for each slice. */
const PACE = { deltaBytes: () => 8 * 1024 * 1024, due: () => 0, rewriteBytes: () => 32 * 1024 * 1024 }

/** The manifest of the same records as blobs, all of which are written by then; it counts once it is written too. */
export async function converted(
  manifest: Manifest,
  slices: Iterable<CheckpointRecord[]>,
  blobs: Blobs,
  write: (pieces: Piece[], removed: string[]) => Promise<void>,
): Promise<Manifest> {
  const image = new Image(manifest, PACE)
  let { n, buckets, deltas } = manifest
  for (const puts of slices) {
    const plan = await image.plan(runOf({ puts, removes: [] }), manifest, blobs, async (blob, use) => {
      if (await blobs.useBucket(blob, use)) return
      throw new Error(`the checkpoint of partition ${manifest.partition} lacks a blob that was just written`)
    })
    await write(plan.pieces, image.garbage)
    image.garbage = []
    image.land(plan)
    ;({ n, buckets, deltas } = plan.lists)
  }
  return { ...manifest, n, buckets, deltas }
}

import type { Db } from 'mongodb'
import { isCode, type RollcallError } from '../../errors.ts'
import { repeated } from '../../mongodb/outcome.ts'
import type { Anchor, RecordKey, Space } from '../index.ts'
import type { Cuts, FoundRecord, Held } from '../peek.ts'
import { idOf } from '../record-id.ts'
import { type Blob, Blobs, batches } from './blobs.ts'
import { Image, recordsIn } from './image.ts'
import { type Manifest, Manifests } from './manifest.ts'
import { decode, EMPTY, type Run } from './run.ts'

const PATIENCE_MS = 2_000
const READ_BYTES = 8 * 1024 * 1024
/** So often at most a manifest is read whose blobs are gone before they were: its owner commits meanwhile. */
const MOST_ROUNDS = 50
const SPACES: Space[] = ['actor', 'deadline', 'aggregate', 'documents', 'outbox', 'parked']

/** Checkpoints in MongoDB. */
export function peekAtMongoCuts(db: Db): Cuts {
  const repeat = <T>(work: () => Promise<T>): Promise<T> => repeated(work, PATIENCE_MS)
  const [manifests, blobs] = [new Manifests(db, repeat), new Blobs(db, repeat)]
  return {
    async of(partition): Promise<Anchor | null> {
      const manifest = await manifests.read(partition)
      return manifest && { ...manifest, mark: manifest.mark ?? null }
    },
    async damage(partition): Promise<RollcallError | null> {
      try {
        const { buckets, deltas } = (await manifests.read(partition)) ?? { buckets: [], deltas: [] }
        for (const batch of batches<Blob>([...buckets, ...deltas], ({ bytes }) => bytes, READ_BYTES))
          await blobs.read(batch)
        return null
      } catch (error) {
        if (!isCode(error, 'RC_CHECKPOINT_CORRUPT')) throw error
        return error as RollcallError
      }
    },
    async hold(partition) {
      const known = new Map<string, Run>()
      for (let round = 0; round < MOST_ROUNDS; round++) {
        const manifest = await manifests.read(partition)
        if (manifest === null) return null
        if (await readAll(manifest, blobs, known)) return holdOf(manifest, known)
      }
      throw new Error(`the checkpoint of partition ${partition} lacks a blob that is listed`)
    },
    close: async () => {},
  }
}

const keyOf = ({ ids }: Blob): string => ids[0] ?? ''

/** Reads the blobs that are not known yet, and forgets those that are not listed; false if one is gone. */
async function readAll({ buckets, deltas }: Manifest, blobs: Blobs, known: Map<string, Run>): Promise<boolean> {
  const listed: Blob[] = [...deltas, ...buckets].filter(({ ids }) => ids.length > 0)
  const keys = new Set(listed.map(keyOf))
  for (const key of known.keys()) if (!keys.has(key)) known.delete(key)
  const missing = listed.filter(blob => !known.has(keyOf(blob)))
  for (const batch of batches(missing, ({ bytes }) => bytes, READ_BYTES)) {
    for (const [i, bytes] of (await blobs.read(batch)).entries()) {
      if (bytes === undefined) return false
      known.set(keyOf(batch[i]!), decode(bytes))
    }
  }
  return true
}

/** All of it is in memory, since nobody keeps the blobs of a commit once another one has come. */
function holdOf(manifest: Manifest, known: Map<string, Run>): Held {
  const image = new Image(manifest)
  for (const delta of manifest.deltas) image.restore(delta.n, known.get(keyOf(delta)) ?? EMPTY)
  function* selected(keys: RecordKey[]): Generator<FoundRecord> {
    for (const selection of image.select(keys)) yield* recordsIn(known.get(keyOf(selection.blob)) ?? EMPTY, selection)
  }
  return {
    anchor: { ...manifest, mark: manifest.mark ?? null },
    async *records() {
      yield* selected(SPACES.map(space => ({ space, names: [] })))
    },
    async *some(key) {
      yield* selected([key])
    },
    get(key) {
      const id = idOf(key)
      for (const record of selected([key])) if (idOf(record) === id) return record
      return undefined
    },
    release() {},
  }
}

/** Peeks: checkpoints that are read without owning any of them. */

import type { RollcallError } from '../errors.ts'
import { type Manifest, SPACES, type Wanted } from './blobs.ts'
import { Image, recordsIn, type Selection } from './image.ts'
import type { Anchor, CheckpointRecord, RecordKey } from './index.ts'
import { idOf, keyOf } from './record-id.ts'
import type { Run } from './run.ts'

/** A record as it is held, or why it cannot be read. */
export type FoundRecord = CheckpointRecord | (RecordKey & { error: Error })

/** A partition as of one commit, whatever comes after it; to be released soon, since nothing of it goes meanwhile. */
export interface Held {
  anchor: Anchor
  records(): AsyncIterable<FoundRecord>
  /** Records whose names begin with those of the key. */
  some(key: RecordKey): AsyncIterable<FoundRecord>
  /** Undefined if there is no such record. */
  get(key: RecordKey): FoundRecord | undefined
  release(): void
}

/** Checkpoints that are read without owning: nobody is fenced. */
export interface Cuts {
  /** null if the partition was never claimed */
  of(partition: number): Promise<Anchor | null>
  /** null if the partition was never claimed */
  hold(partition: number): Promise<Held | null>
  /** Reads all of the partition's checkpoint; answers with the first of it that is not as it was written. */
  damage(partition: number): Promise<RollcallError | null>
  close(): Promise<void>
}

/** Nobody commits to what is held. */
const NO_PACE = { deltaBytes: () => 0, due: () => 0, rewriteBytes: () => 0 }

/** An image that is only read. */
export const imageOf = (manifest: Manifest): Image => new Image(manifest, NO_PACE)

/** The partition of an image, whose buckets are read with `read`; where one cannot be, it is told of by its first record or itself. */
export function holdOf(
  { cut, incarnation, mark }: Anchor,
  image: Image,
  read: (wanted: Wanted) => Run,
  release: () => void,
): Held {
  const found = function* (selection: Selection): Generator<FoundRecord> {
    let base: Run
    try {
      base = read({ blob: selection.blob, prefixes: selection.wanted.keys() })
    } catch (error) {
      const [first] = selection.wanted.keys()
      yield { ...keyOf(first!), error: error as Error }
      return
    }
    yield* recordsIn(base, selection)
  }
  const selected = function* (keys: readonly RecordKey[]): Generator<FoundRecord> {
    for (const selection of image.select([...keys])) yield* found(selection)
  }
  return {
    anchor: { cut, incarnation, mark },
    async *records() {
      yield* selected(SPACES.map(space => ({ space, names: [] })))
    },
    async *some(key) {
      yield* selected([key])
    },
    get(key) {
      const id = idOf(key)
      for (const record of selected([key])) if ('error' in record || idOf(record) === id) return record
      return undefined
    },
    release,
  }
}

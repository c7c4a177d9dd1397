import { isCode, type RollcallError } from '../../errors.ts'
import { openStateEnvironment } from '../../lmdb/index.ts'
import { isThere } from '../../lmdb/readable.ts'
import { type Cuts, type Held, holdOf, imageOf } from '../peek.ts'
import type { Run } from '../run.ts'
import { LmdbBlobs } from './blobs.ts'
import { holdFormer, readFormer } from './former.ts'
import { BLOBS, damagedAt, manifestIn, openTable, type Table, valueAt } from './table.ts'

/** Checkpoints of the embedded store, also while a server has it open. A process that has it open itself says so. */
export function peekAtCuts(path: string, { readOnly = true } = {}): Cuts {
  if (!isThere(path))
    return { of: async () => null, hold: async () => null, damage: async () => null, close: async () => {} }
  const env = openStateEnvironment(path, readOnly ? { readOnly } : {})
  const table = openTable(env)
  return {
    async of(partition) {
      env.resetReadTxn()
      return (table && manifestIn(table, partition)?.anchor) ?? null
    },
    async hold(partition) {
      env.resetReadTxn()
      return table ? holdIn(table, partition) : null
    },
    async damage(partition) {
      env.resetReadTxn()
      return table ? damageIn(table, partition) : null
    },
    close: () => env.close(),
  }
}

/** Lets go of the transaction where there is nothing, or nothing that can be read. */
function holdIn(table: Table, partition: number): Held | null {
  const transaction = table.useReadTransaction()
  let held: Held | null = null
  try {
    const found = manifestIn(table, partition, transaction)
    if (found && !found.manifest) held = holdFormer(table, partition, found, transaction)
    if (!found?.manifest) return held
    const blobs = new LmdbBlobs(key => valueAt(table, key, transaction))
    const image = imageOf(found.manifest)
    for (const delta of found.manifest.deltas) image.restore(delta.n, listed(partition, blobs.delta(delta)))
    held = holdOf(
      found.manifest,
      image,
      wanted => listed(partition, blobs.bucket(wanted)),
      () => transaction.done(),
    )
    return held
  } finally {
    if (!held) transaction.done()
  }
}

/** A run that a manifest lists. */
function listed(partition: number, run: Run | undefined): Run {
  if (run === undefined) throw damagedAt([partition, BLOBS])
  return run
}

/** The first part of the partition's checkpoint that is not as it was written; null if all is. */
function damageIn(table: Table, partition: number): RollcallError | null {
  const transaction = table.useReadTransaction()
  try {
    const found = manifestIn(table, partition, transaction)
    if (found && !found.manifest) readFormer(table, partition)
    const { buckets, deltas } = found?.manifest ?? { buckets: [], deltas: [] }
    const blobs = new LmdbBlobs(key => valueAt(table, key, transaction))
    for (const blob of deltas) listed(partition, blobs.delta(blob))
    for (const blob of buckets) listed(partition, blobs.bucket({ blob }))
    return null
  } catch (error) {
    if (!isCode(error, 'RC_CHECKPOINT_CORRUPT')) throw error
    return error as RollcallError
  } finally {
    transaction.done()
  }
}

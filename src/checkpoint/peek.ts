import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { RollcallError } from '../errors.ts'
import { openStateEnvironment } from '../lmdb/index.ts'
import { damageIn, holdIn, manifestIn, openRecords } from './embedded.ts'
import type { Anchor, CheckpointRecord, RecordKey } from './index.ts'

/** A record as it is held, or why it cannot be read. */
export type FoundRecord = CheckpointRecord | (RecordKey & { error: Error })

/** A partition as of one commit, whatever comes after it; to be released soon, since nothing of it goes meanwhile. */
export interface Held {
  anchor: Anchor
  records(): AsyncIterable<FoundRecord>
  /** Undefined if there is no such record. */
  get(key: RecordKey): FoundRecord | undefined
  release(): void
}

/** Checkpoints that are read without owning: nobody is fenced. */
export interface Cuts {
  /** null if the partition was never claimed */
  of(partition: number): Promise<Anchor | null>
  /** Reads all of the partition's checkpoint; answers with the first of it that is not as it was written. */
  damage(partition: number): Promise<RollcallError | null>
  /** null if the partition was never claimed */
  hold(partition: number): Promise<Held | null>
  close(): Promise<void>
}

const NOTHING: Cuts = { of: async () => null, damage: async () => null, hold: async () => null, close: async () => {} }

/** Checkpoints of the embedded store, also while a server has it open. A process that has it open itself says so. */
export function peekAtCuts(path: string, { readOnly = true } = {}): Cuts {
  if (!existsSync(join(path, 'data.mdb'))) return NOTHING
  const env = openStateEnvironment(path, readOnly ? { readOnly } : {})
  const records = openRecords(env)
  return {
    async of(partition) {
      env.resetReadTxn()
      const manifest = records && manifestIn(records, partition)
      // A former version kept no mark.
      return manifest ? { ...manifest, mark: manifest.mark ?? null } : null
    },
    damage: async partition => (records ? damageIn(records, partition) : null),
    async hold(partition) {
      env.resetReadTxn()
      return records ? holdIn(records, partition) : null
    },
    close: () => env.close(),
  }
}

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { RollcallError } from '../errors.ts'
import { openStateEnvironment } from '../lmdb/index.ts'
import { damageIn, manifestIn, openRecords } from './embedded.ts'
import type { Anchor } from './index.ts'

/** Cuts that are read without owning: nobody is fenced. */
export interface Cuts {
  /** null if the partition was never claimed */
  of(partition: number): Promise<Anchor | null>
  /** Reads all of the partition's checkpoint; answers with the first of it that is not as it was written. */
  damage(partition: number): Promise<RollcallError | null>
  close(): Promise<void>
}

/** Cuts of the embedded store, also while a server has it open. */
export function peekAtCuts(path: string): Cuts {
  if (!existsSync(join(path, 'data.mdb')))
    return { of: async () => null, damage: async () => null, close: async () => {} }
  const env = openStateEnvironment(path, { readOnly: true })
  const records = openRecords(env)
  const of = async (partition: number): Promise<Anchor | null> => {
    const manifest = records && manifestIn(records, partition)
    return manifest ? { ...manifest, mark: manifest.mark ?? null } : null
  }
  const damage = async (partition: number): Promise<RollcallError | null> =>
    records ? damageIn(records, partition) : null
  return { of, damage, close: () => env.close() }
}

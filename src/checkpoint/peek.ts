import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openStateEnvironment } from '../lmdb/index.ts'
import { manifestIn, openRecords } from './embedded.ts'
import type { Anchor } from './index.ts'

/** Cuts that are read without owning: nobody is fenced. */
export interface Cuts {
  /** null if the partition was never claimed */
  of(partition: number): Promise<Anchor | null>
  close(): Promise<void>
}

/** Cuts of the embedded store, also while a server has it open. */
export function peekAtCuts(path: string): Cuts {
  if (!existsSync(join(path, 'data.mdb'))) return { of: async () => null, close: async () => {} }
  const env = openStateEnvironment(path, { readOnly: true })
  const records = openRecords(env)
  const of = async (partition: number): Promise<Anchor | null> => {
    const manifest = records && manifestIn(records, partition)
    return manifest ? { ...manifest, mark: manifest.mark ?? null } : null
  }
  return { of, close: () => env.close() }
}

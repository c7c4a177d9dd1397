import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openStateEnvironment } from '../lmdb/index.ts'
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
  const db = env.openDB<Anchor, [number, string]>('checkpoint', { useVersions: true })
  return { of: async partition => db?.get([partition, 'manifest']) ?? null, close: () => env.close() }
}

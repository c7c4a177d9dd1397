import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'lmdb'
import type { Db } from 'mongodb'
import type { Anchor } from './index.ts'

/** Cuts that are only looked at: nobody is fenced. */
export interface Cuts {
  /** null if the partition was never claimed */
  of(partition: number): Promise<Anchor | null>
  close(): Promise<void>
}

const PATIENCE_MS = 2_000

/** Of the embedded store, also while a server has it open. */
export function lookAtCuts(path: string): Cuts {
  if (!existsSync(join(path, 'data.mdb'))) return { of: async () => null, close: async () => {} }
  const env = open({ path, maxDbs: 8, readOnly: true })
  const db = env.openDB<Anchor, [number, string]>('checkpoint', { useVersions: true })
  return { of: async partition => db?.get([partition, 'manifest']) ?? null, close: () => env.close() }
}

export async function lookAtMongoCuts(db: Db): Promise<Cuts> {
  const { Manifests } = await import('./mongo/manifest.ts')
  const manifests = new Manifests(db, PATIENCE_MS)
  const of = async (partition: number): Promise<Anchor | null> => {
    const manifest = await manifests.read(partition)
    return manifest && { ...manifest, mark: manifest.mark ?? null }
  }
  return { of, close: async () => {} }
}

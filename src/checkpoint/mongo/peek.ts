import type { Db } from 'mongodb'
import { repeated } from '../../mongodb/outcome.ts'
import type { Anchor } from '../index.ts'
import type { Cuts } from '../peek.ts'
import { Manifests } from './manifest.ts'

const PATIENCE_MS = 2_000

/** Cuts of the checkpoints in MongoDB. */
export function peekAtMongoCuts(db: Db): Cuts {
  const manifests = new Manifests(db, work => repeated(work, PATIENCE_MS))
  const of = async (partition: number): Promise<Anchor | null> => {
    const manifest = await manifests.read(partition)
    return manifest && { ...manifest, mark: manifest.mark ?? null }
  }
  return { of, close: async () => {} }
}

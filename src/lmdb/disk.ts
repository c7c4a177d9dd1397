import { statfsSync } from 'node:fs'
import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Faults } from '../observe/index.ts'
import type { Time } from '../time.ts'

/** Below this nothing is accepted any more, so that what was accepted can still be committed. */
export const FREE_FLOOR_BYTES = 33_554_432

/** Says if the disk under `path` still takes new input; the system is asked once a second. */
export function spaceAt(path: string, time: Time): () => boolean {
  let checkedAt = Number.NEGATIVE_INFINITY
  let enough = true
  return () => {
    if (time.monotonic() - checkedAt >= 1_000) {
      const { bavail, bsize } = statfsSync(path)
      enough = bavail * bsize >= FREE_FLOOR_BYTES
      checkedAt = time.monotonic()
    }
    return enough
  }
}

const BLOCK_BYTES = 512

/** Bytes that the files of a folder take on their disk, and that are free there. */
export async function usedUnder(folder: string): Promise<{ used: number; free: number }> {
  const { bavail, bsize } = await statfs(folder)
  const files = await Promise.all((await readdir(folder)).map(name => stat(join(folder, name))))
  return { used: files.reduce((sum, { blocks }) => sum + blocks * BLOCK_BYTES, 0), free: bavail * bsize }
}

// Beside the rejected put, which is dealt with, LMDB leaves two rejections nobody can reach when the disk fails.
const STRAY = /^(Commit failed \(see commitError for details\)|No space left on device|Input\/output error)/

export const isStrayDiskFault = (error: unknown): boolean => error instanceof Error && STRAY.test(error.message)

/**
 * Keeps a full disk from ending this thread; any other rejection that nobody handles still does.
 * Returns what ends it.
 */
export function surviveDiskFaults(faults: Faults): () => void {
  const survive = (error: unknown): void => {
    if (!isStrayDiskFault(error)) throw error
    faults.report('disk', error)
  }
  process.on('unhandledRejection', survive)
  return () => process.off('unhandledRejection', survive)
}

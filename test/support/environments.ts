import type { RootDatabase } from 'lmdb'

/** LMDB environments that a test has opened, the last one at the end. */
export const environments: RootDatabase[] = []

/** LMDB that notes what it opens, for `vi.mock`. */
export async function noting(original: () => Promise<unknown>): Promise<typeof import('lmdb')> {
  const lmdb = (await original()) as typeof import('lmdb')
  const open = (...args: Parameters<typeof lmdb.open>) => {
    environments.push(lmdb.open(...args))
    return environments.at(-1)
  }
  return { ...lmdb, open } as typeof lmdb
}

import type { Database, RootDatabase } from 'lmdb'

const WRITER = 'writer'

/**
 * Says who writes the log: the process that opened it last. Two processes that do not see each other's lock, as in two
 * containers, would else write over each other's entries.
 */
export class Fence {
  readonly #table: Database<string, string>
  readonly #version: number

  private constructor(table: Database<string, string>, version: number) {
    this.#table = table
    this.#version = version
  }

  /** From here on nothing of whoever wrote before is written any more; all that it wrote is there to be read. */
  static async take(env: RootDatabase, id: string): Promise<Fence> {
    const table = env.openDB<string, string>('fence', { useVersions: true, cache: false })
    for (;;) {
      env.resetReadTxn()
      const former = table.getEntry(WRITER)?.version
      const version = (former ?? 0) + 1
      const put = (): void => void table.put(WRITER, id, version)
      const isTaken = former === undefined ? table.ifNoExists(WRITER, put) : table.ifVersion(WRITER, former, put)
      if (await isTaken) return new Fence(table, version)
    }
  }

  /** Carries out what is written in the call, all of it; none if this is no longer the writer. */
  write(writes: () => void): Promise<boolean> {
    return this.#table.ifVersion(WRITER, this.#version, writes)
  }
}

/** Records of actors in a folder of their own, in which all that is of an actor lies together, its snapshot first. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Database, RootDatabase } from 'lmdb'
import type { CheckpointRecord } from '../checkpoint/index.ts'
import { openStateEnvironment } from '../lmdb/index.ts'

const AT_ONCE = 1_000

export class ActorRecords {
  readonly #env: RootDatabase
  readonly #table: Database<CheckpointRecord, (number | string)[]>

  constructor(folder: string) {
    this.#env = openStateEnvironment(join(folder, 'actors'))
    this.#table = this.#env.openDB<CheckpointRecord, (number | string)[]>('actors', {})
  }

  /** Takes the records of a partition, in any order, and gives those of each actor. */
  async *gathered(partition: number, records: AsyncIterable<CheckpointRecord>): AsyncGenerator<CheckpointRecord[]> {
    let [count, put]: [number, Promise<unknown>] = [0, Promise.resolve()]
    for await (const record of records) {
      count++
      const [kind, key, part] = record.names
      // A name may be longer than a key of LMDB.
      const actor = createHash('sha256').update(`${kind}\0${key}`).digest('base64')
      put = this.#table.put([partition, actor, part === '' ? 0 : count], record)
      if (count % AT_ONCE === 0) await put
    }
    await put
    let [actor, own]: [unknown, CheckpointRecord[]] = [null, []]
    for (const { key, value } of this.#table.getRange({ start: [partition], end: [partition + 1] })) {
      if (key[1] !== actor && own.length > 0) {
        yield own
        own = []
      }
      actor = key[1]
      own.push(value)
    }
    if (own.length > 0) yield own
  }

  close(): Promise<void> {
    return this.#env.close()
  }
}

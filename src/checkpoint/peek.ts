import type { Transaction } from 'lmdb'
import type { RollcallError } from '../errors.ts'
import { openStateEnvironment } from '../lmdb/index.ts'
import { isThere } from '../lmdb/readable.ts'
import {
  damageIn,
  type Key,
  keyOf,
  MANIFEST,
  manifestIn,
  openRecords,
  type Records,
  recordKeyOf,
  recordValue,
} from './embedded.ts'
import type { Anchor, CheckpointRecord, RecordKey } from './index.ts'

/** A record as it is held, or why it cannot be read. */
export type FoundRecord = CheckpointRecord | (RecordKey & { error: Error })

/** A partition as of one commit, whatever comes after it; to be released soon, since nothing of it goes meanwhile. */
export interface Held {
  anchor: Anchor
  records(): AsyncIterable<FoundRecord>
  /** Records whose names begin with those of the key. */
  some(key: RecordKey): AsyncIterable<FoundRecord>
  /** Undefined if there is no such record. */
  get(key: RecordKey): FoundRecord | undefined
  release(): void
}

/** Checkpoints that are read without owning: nobody is fenced. */
export interface Cuts {
  /** null if the partition was never claimed */
  of(partition: number): Promise<Anchor | null>
  /** null if the partition was never claimed */
  hold(partition: number): Promise<Held | null>
  /** Reads all of the partition's checkpoint; answers with the first of it that is not as it was written. */
  damage(partition: number): Promise<RollcallError | null>
  close(): Promise<void>
}

/** Checkpoints of the embedded store, also while a server has it open. A process that has it open itself says so. */
export function peekAtCuts(path: string, { readOnly = true } = {}): Cuts {
  if (!isThere(path))
    return { of: async () => null, hold: async () => null, damage: async () => null, close: async () => {} }
  const env = openStateEnvironment(path, readOnly ? { readOnly } : {})
  const db = openRecords(env)
  return {
    async of(partition) {
      env.resetReadTxn()
      const anchor = db && manifestIn(db, partition)
      // A former version kept no mark.
      return anchor ? { ...anchor, mark: anchor.mark ?? null } : null
    },
    async hold(partition) {
      env.resetReadTxn()
      return db ? holdIn(db, partition) : null
    },
    damage: async partition => (db ? damageIn(db, partition) : null),
    close: () => env.close(),
  }
}

/** Lets go of the transaction where there is no anchor, or none that can be read. */
function anchorIn(db: Records, partition: number, transaction: Transaction): Anchor | null {
  const key: Key = [partition, MANIFEST]
  let anchor: Anchor | null = null
  try {
    const bytes = db.get(key, { transaction })
    anchor = bytes ? recordValue<Anchor>(key, bytes) : null
    return anchor
  } finally {
    if (!anchor) transaction.done()
  }
}

function holdIn(db: Records, partition: number): Held | null {
  const transaction = db.useReadTransaction()
  const anchor = anchorIn(db, partition, transaction)
  if (!anchor) return null
  const read = (key: Key): FoundRecord | undefined => {
    const record = recordKeyOf(key)
    try {
      const bytes = db.get(key, { transaction })
      return bytes && { ...record, value: recordValue(key, bytes) }
    } catch (error) {
      return { ...record, error: error as Error }
    }
  }
  return {
    anchor: { ...anchor, mark: anchor.mark ?? null },
    async *records() {
      for (const key of db.getKeys({ start: [partition], end: [partition + 1], transaction })) {
        if (key.length === 2 && key[1] === MANIFEST) continue
        const record = read(key)
        if (record) yield record
      }
    },
    async *some(wanted) {
      const prefix = keyOf(partition, wanted)
      for (const key of db.getKeys({ start: prefix, end: [partition + 1], transaction })) {
        if (!prefix.every((name, i) => key[i] === name)) return
        const record = read(key)
        if (record) yield record
      }
    },
    get: key => read(keyOf(partition, key)),
    release: () => transaction.done(),
  }
}

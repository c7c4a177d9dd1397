/** Former checkpoints in LMDB, with a key a record: they are read, and made into blobs when they are claimed. */
import type { RootDatabase, Transaction } from 'lmdb'
import { SPACES } from '../blobs.ts'
import type { CheckpointRecord, RecordKey } from '../index.ts'
import type { FoundRecord, Held } from '../peek.ts'
import { textOf } from '../record-id.ts'
import { type Found, type Key, opened, rangeIn, type Table, valueAt } from './table.ts'

/** Records that are in memory at once. */
const RECORDS_AT_ONCE = 2_000
const BYTES_AT_ONCE = 2 * 1024 * 1024

// LMDB's key encoding takes the first control characters in a name of 64 characters or more for its own.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is kept out of keys
const escaped = (name: string): string => name.replace(/[\0-\x05]/g, c => `\x05${c.charCodeAt(0)}`)
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const unescaped = (name: string): string => name.replace(/\x05(.)/g, (_, code) => String.fromCharCode(code))

const keyOf = (partition: number, { space, names }: RecordKey): Key => [
  ...[partition, space],
  ...names.map(name => escaped(textOf(name))),
]

const recordKeyOf = ([, space, ...names]: Key): RecordKey => ({
  space: space as RecordKey['space'],
  names: (names as string[]).map(unescaped),
})

const isSame = (one: Key, other: Key): boolean =>
  one.length === other.length && one.every((name, i) => other[i] === name)

/** The records of a partition, some at a time. RC_CHECKPOINT_CORRUPT where one is not as it was written. */
export function* formerRecords(env: RootDatabase, table: Table, partition: number): Generator<CheckpointRecord[]> {
  for (const space of SPACES) {
    let start: Key = [partition, space]
    for (;;) {
      const records: CheckpointRecord[] = []
      const before = start
      let bytes = 0
      env.resetReadTxn()
      for (const { key, value } of rangeIn(table, [partition, space], { start })) {
        if (isSame(key, before)) continue
        records.push({ ...recordKeyOf(key), value: opened(key, value) })
        start = key
        bytes += value.length
        if (records.length >= RECORDS_AT_ONCE || bytes >= BYTES_AT_ONCE) break
      }
      if (records.length === 0) break
      yield records
    }
  }
}

/** Keys of former records, so many at most. */
export function formerKeys(table: Table, partition: number, limit: number): Key[] {
  const keys: Key[] = []
  for (const space of SPACES) {
    for (const key of table.getKeys({ start: [partition, space], limit: limit - keys.length })) {
      if (key[0] !== partition || key[1] !== space) break
      keys.push(key)
    }
  }
  return keys
}

/** Reads all of it; throws over the first record that is not as it was written. */
export function readFormer(table: Table, partition: number): void {
  for (const space of SPACES) for (const { key, value } of rangeIn(table, [partition, space])) opened(key, value)
}

export function holdFormer(table: Table, partition: number, { anchor }: Found, transaction: Transaction): Held {
  const read = (key: Key): FoundRecord | undefined => {
    const record = recordKeyOf(key)
    try {
      const bytes = valueAt(table, key, transaction)
      return bytes && { ...record, value: opened(key, bytes) }
    } catch (error) {
      return { ...record, error: error as Error }
    }
  }
  const within = function* (wanted: RecordKey): Generator<FoundRecord> {
    const prefix = keyOf(partition, wanted)
    for (const key of table.getKeys({ start: prefix, end: [partition + 1], transaction })) {
      if (!prefix.every((name, i) => key[i] === name)) return
      const record = read(key)
      if (record) yield record
    }
  }
  return {
    anchor,
    async *records() {
      for (const space of SPACES) yield* within({ space, names: [] })
    },
    async *some(wanted) {
      yield* within(wanted)
    },
    get: key => read(keyOf(partition, key)),
    release: () => transaction.done(),
  }
}

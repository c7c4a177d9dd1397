import type { Database, RootDatabase } from 'lmdb'
import { isCode, RollcallError } from '../errors.ts'
import { openStateEnvironment, released } from '../lmdb/index.ts'
import { seals } from '../lmdb/sealed.ts'
import type { Seq } from '../log/index.ts'
import { damaged } from './damage.ts'
import type { CheckpointStore, Claim, Delta, RecordKey } from './index.ts'
import { textOf } from './record-id.ts'

interface Manifest {
  owner: string
  epoch: number
  /** the commit's number: the version by which a commit knows that nobody came between */
  n: number
  cut: Seq
  incarnation: string | null
  mark?: string | null
}

/** A key in LMDB: the partition, then the space and the names of a record, or `manifest`. */
export type Key = (number | string)[]

export type Records = Database<Buffer, Key>

export const MANIFEST = 'manifest'
const { seal, open } = seals(true)
const sealOf = (key: Key): string => key.join('\0')
const sealed = (key: Key, value: unknown): Buffer => seal(sealOf(key), value)

export const openRecords = (env: RootDatabase): Records | undefined =>
  env.openDB('checkpoint', { useVersions: true, cache: false, encoding: 'binary' })

const damagedAt = ([partition, ...names]: Key, cause?: unknown): RollcallError =>
  damaged(partition, names[0] === MANIFEST ? MANIFEST : `record ${names.join('/')}`, cause)

/** Ranges that LMDB cannot read are as damaged as what it reads wrong. */
function* rangeIn(records: Records, start: Key): Generator<{ key: Key; value: Buffer }> {
  try {
    yield* released(records.getRange({ start }))
  } catch (cause) {
    throw damagedAt(start, cause)
  }
}

/** RC_CHECKPOINT_CORRUPT if it is not as it was written. */
export function manifestIn(records: Records, partition: number): Manifest | undefined {
  const key = [partition, MANIFEST]
  const entry = entryIn(records, key)
  if (!entry) return undefined
  const manifest = open<Manifest>(sealOf(key), entry.value, () => damagedAt(key))
  if (manifest.n !== entry.version) throw damagedAt(key)
  return manifest
}

function entryIn(records: Records, key: Key): { value: Buffer; version?: number } | undefined {
  try {
    return records.getEntry(key)
  } catch (cause) {
    throw damagedAt(key, cause)
  }
}

// LMDB's key encoding takes the first control characters in a name of 64 characters or more for its own.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is kept out of keys
const escaped = (name: string): string => name.replace(/[\0-\x05]/g, c => `\x05${c.charCodeAt(0)}`)
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const unescaped = (name: string): string => name.replace(/\x05(.)/g, (_, code) => String.fromCharCode(code))
export const keyOf = (partition: number, { space, names }: RecordKey): Key => [
  partition,
  space,
  ...names.map(name => escaped(textOf(name))),
]

export const recordKeyOf = ([, space, ...names]: Key): RecordKey => ({
  space: space as RecordKey['space'],
  names: (names as string[]).map(unescaped),
})

/** The value of a record, or the manifest. RC_CHECKPOINT_CORRUPT if it is not as it was written. */
export const recordValue = <T>(key: Key, bytes: Buffer): T => open(sealOf(key), bytes, () => damagedAt(key))

/** Undefined where it cannot be read: the number of the commit is no less, since each claim has one. */
function epochIn(records: Records, partition: number): number | undefined {
  try {
    return manifestIn(records, partition)?.epoch
  } catch (error) {
    if (!isCode(error, 'RC_CHECKPOINT_CORRUPT')) throw error
    return undefined
  }
}

/** The first part of the partition's checkpoint that is not as it was written; null if all is. */
export function damageIn(records: Records, partition: number): RollcallError | null {
  try {
    manifestIn(records, partition)
    for (const { key, value } of rangeIn(records, [partition])) {
      if (key[0] !== partition) break
      if (key[1] !== MANIFEST) open(sealOf(key), value, () => damagedAt(key))
    }
    return null
  } catch (error) {
    if (!isCode(error, 'RC_CHECKPOINT_CORRUPT')) throw error
    return error as RollcallError
  }
}

/**
 * Checkpoints in LMDB, one key a record. A commit is one conditional block on the manifest's version: LMDB carries it
 * out in one transaction on its own thread, so a shard that dies in the middle leaves all of it or nothing.
 */
export function openCheckpoints(path: string): CheckpointStore {
  const env = openStateEnvironment(path)
  const db = openRecords(env)!
  const numbers = new Map<number, number>()

  const readManifest = (partition: number): Manifest | undefined => {
    env.resetReadTxn()
    return manifestIn(db, partition)
  }

  const put = (key: Key, value: unknown, n: number): void => void db.put(key, sealed(key, value), n)

  const replace = async (partition: number, former: Manifest | undefined, next: Manifest, delta?: Delta) => {
    const write = (): void => {
      for (const record of delta?.puts ?? []) put(keyOf(partition, record), record.value, next.n)
      for (const key of delta?.removes ?? []) db.remove(keyOf(partition, key))
      put([partition, MANIFEST], next, next.n)
    }
    const landed = former
      ? await db.ifVersion([partition, MANIFEST], former.n, write)
      : await db.ifNoExists([partition, MANIFEST], write)
    if (landed) numbers.set(partition, next.n)
    await env.flushed
    return landed
  }

  return {
    async claim(partition, owner): Promise<Claim> {
      for (;;) {
        const former = readManifest(partition)
        const { epoch, n, cut, incarnation, mark = null } = former ?? { epoch: 0, n: 0, cut: 0, incarnation: null }
        const next: Manifest = { owner, epoch: epoch + 1, n: n + 1, cut, incarnation, mark }
        if (!(await replace(partition, former, next))) continue
        return { partition, owner, epoch: next.epoch, cut, incarnation, mark }
      }
    },

    async *load({ partition }, keys: RecordKey[]) {
      env.resetReadTxn()
      for (const wanted of keys) {
        const prefix = keyOf(partition, wanted)
        for (const { key, value } of rangeIn(db, prefix)) {
          if (!prefix.every((name, i) => key[i] === name)) break
          yield { ...recordKeyOf(key), value: recordValue(key, value) }
        }
      }
    },

    async commit(claim, cut, delta) {
      const { partition, owner, epoch } = claim
      const former = readManifest(partition)
      const mine = former !== undefined && former.epoch === epoch && former.n === numbers.get(partition)
      const { incarnation, mark } = delta
      const next: Manifest = { owner, epoch, n: (former?.n ?? 0) + 1, cut, incarnation, mark }
      if (!mine || !(await replace(partition, former, next, delta))) throw new RollcallError('RC_FENCED')
      Object.assign(claim, { cut, incarnation, mark })
    },

    async peek(partition) {
      const { cut, incarnation, mark = null } = readManifest(partition) ?? { cut: null, incarnation: null }
      return cut === null ? null : { cut, incarnation, mark }
    },

    async forget(partition) {
      env.resetReadTxn()
      const key: Key = [partition, MANIFEST]
      const version = db.getEntry(key)?.version
      const forgotten = [...db.getKeys({ start: [partition], end: [partition + 1] })]
      const epoch = epochIn(db, partition) ?? version ?? 0
      const next: Manifest = { owner: '', epoch, n: (version ?? 0) + 1, cut: 0, incarnation: null, mark: null }
      const write = (): void => {
        for (const each of forgotten) db.remove(each)
        put(key, next, next.n)
      }
      await (version === undefined ? db.ifNoExists(key, write) : db.ifVersion(key, version, write))
      await env.flushed
    },

    close: () => env.close(),
  }
}

import type { Database } from 'lmdb'
import { RollcallError } from '../errors.ts'
import { openStateEnvironment } from '../lmdb/index.ts'
import type { Seq } from '../log/index.ts'
import type { CheckpointRecord, CheckpointStore, Claim, Delta, RecordKey } from './index.ts'
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

export const MANIFEST = 'manifest'

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

/**
 * Checkpoints in LMDB, one key a record. A commit is one conditional block on the manifest's version: LMDB carries it
 * out in one transaction on its own thread, so a shard that dies in the middle leaves all of it or nothing.
 */
export function openCheckpoints(path: string): CheckpointStore {
  const env = openStateEnvironment(path)
  const db: Database<unknown, Key> = env.openDB('checkpoint', { useVersions: true, cache: false })
  const numbers = new Map<number, number>()

  const readManifest = (partition: number): Manifest | undefined => {
    env.resetReadTxn()
    return db.get([partition, MANIFEST]) as Manifest | undefined
  }

  const replace = async (partition: number, former: Manifest | undefined, next: Manifest, delta?: Delta) => {
    const write = (): void => {
      for (const record of delta?.puts ?? []) db.put(keyOf(partition, record), record.value, next.n)
      for (const key of delta?.removes ?? []) db.remove(keyOf(partition, key))
      db.put([partition, MANIFEST], next, next.n)
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
        for (const { key, value } of db.getRange({ start: prefix })) {
          if (!prefix.every((name, i) => key[i] === name)) break
          yield { ...recordKeyOf(key), value } satisfies CheckpointRecord
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

    close: () => env.close(),
  }
}

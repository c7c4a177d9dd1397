/** The table of checkpoints in LMDB: keys, checksums, and what is made of a page that cannot be read. */
import type { Database, RootDatabase, Transaction } from 'lmdb'
import type { RollcallError } from '../../errors.ts'
import { inPlace, released } from '../../lmdb/index.ts'
import { seals } from '../../lmdb/sealed.ts'
import type { Manifest } from '../blobs.ts'
import { damaged } from '../damage.ts'
import type { Anchor } from '../index.ts'

/** A partition, then `manifest`; `blobs` and the numbers of a piece; or, of a former version, the space and names of a record. */
export type Key = (number | string)[]

export type Table = Database<Buffer, Key>

export const MANIFEST = 'manifest'
export const BLOBS = 'blobs'

/** A manifest of records that have a key each. */
export interface FormerManifest extends Omit<Anchor, 'mark'> {
  owner: string
  epoch: number
  /** the commit's number, which was the version too */
  n: number
  mark?: string | null
}

/** A manifest of blobs as it is kept: without the `n` by which a former version would take it for one of its own. */
interface SealedManifest extends Omit<Manifest, 'n'> {
  version: number
  commit: number
}

/** A manifest under the version by which a commit knows that nobody came between. */
export interface Found {
  version: number
  anchor: Anchor
  owner: string
  epoch: number
  /** null: records have a key each */
  manifest: Manifest | null
}

const { seal, open } = seals(true)
const sealOf = (key: Key): string => key.join('\0')

export const openTable = (env: RootDatabase): Table | undefined =>
  env.openDB('checkpoint', { useVersions: true, cache: false, encoding: 'binary' })

export const damagedAt = ([partition, ...names]: Key, cause?: unknown): RollcallError => {
  const [first, ...numbers] = names
  if (first === MANIFEST) return damaged(partition, MANIFEST, cause)
  return damaged(
    partition,
    first === BLOBS ? `piece ${[partition, ...numbers].join('/')}` : `record ${names.join('/')}`,
    cause,
  )
}

/** A value that LMDB cannot read is as damaged as one that it reads wrong. */
function read<T>(key: Key, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw damagedAt(key, cause)
  }
}

export const valueAt = (table: Table, key: Key, transaction?: Transaction): Buffer | undefined =>
  read(key, () => table.get(key, transaction && { transaction }))

/** The value where LMDB read it: it is there until the next is read. */
export const bytesAt = (table: Table, key: Key): Buffer | undefined => read(key, () => inPlace(table, key))

/** Entries from a key on, as long as keys begin so. */
export function* rangeIn(
  table: Table,
  prefix: Key,
  { start = prefix, transaction }: { start?: Key; transaction?: Transaction } = {},
): Generator<{ key: Key; value: Buffer }> {
  const entries = released(table.getRange({ start, ...(transaction && { transaction }) }))
  try {
    for (;;) {
      const next = read(start, () => entries.next())
      if (next.done || !prefix.every((name, i) => next.value.key[i] === name)) return
      yield next.value
    }
  } finally {
    entries.return(undefined)
  }
}

/** The value of a former record, or of a manifest. RC_CHECKPOINT_CORRUPT if it is not as it was written. */
export const opened = <T>(key: Key, bytes: Buffer): T => open(sealOf(key), bytes, () => damagedAt(key))

/** RC_CHECKPOINT_CORRUPT if it is not as it was written. */
export function manifestIn(table: Table, partition: number, transaction?: Transaction): Found | undefined {
  const key: Key = [partition, MANIFEST]
  const entry = read(key, () => table.getEntry(key, transaction && { transaction }))
  if (!entry) return undefined
  const value = opened<FormerManifest | SealedManifest>(key, entry.value)
  const { owner, epoch, cut, incarnation, mark = null } = value
  const anchor: Anchor = { cut, incarnation, mark }
  const { version, manifest } = 'buckets' in value ? unsealed(value) : { version: value.n, manifest: null }
  if (version !== entry.version) throw damagedAt(key)
  return { version, anchor, owner, epoch, manifest }
}

export function sealedManifest(value: (Manifest & { version: number }) | FormerManifest, partition: number): Buffer {
  if (!('buckets' in value)) return seal(sealOf([partition, MANIFEST]), value)
  const { n: commit, ...rest } = value
  return seal(sealOf([partition, MANIFEST]), { ...rest, commit } satisfies SealedManifest)
}

function unsealed({ version, commit: n, ...rest }: SealedManifest): { version: number; manifest: Manifest } {
  return { version, manifest: { ...rest, n } }
}

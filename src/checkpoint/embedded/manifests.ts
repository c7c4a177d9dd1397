/** Manifests in LMDB: a commit is one conditional block on a manifest's version, carried out on LMDB's own thread. */
import type { RootDatabase } from 'lmdb'
import { isCode, RollcallError } from '../../errors.ts'
import { type Blobs, firstManifest, type Lists, type Manifest, type Manifests, type Piece } from '../blobs.ts'
import { keyOfBlob } from './blobs.ts'
import { converted } from './conversion.ts'
import { formerKeys, formerRecords } from './former.ts'
import { BLOBS, type Found, type Key, MANIFEST, manifestIn, sealedManifest, type Table } from './table.ts'

/** A claim of this process, and the version of the manifest that it wrote last. */
interface Own {
  partition: number
  owner: string
  epoch: number
  version: number
}

/** Keys that are removed in one block. */
const REMOVED_AT_ONCE = 5_000

export class LmdbManifests implements Manifests {
  readonly #env: RootDatabase
  readonly #table: Table
  readonly #blobs: Blobs
  readonly #own = new Map<number, Own>()

  constructor(env: RootDatabase, table: Table, blobs: Blobs) {
    this.#env = env
    this.#table = table
    this.#blobs = blobs
  }

  async read(partition: number): Promise<Manifest | null> {
    const found = this.#find(partition)
    return found ? (found.manifest ?? emptyOf(partition, found)) : null
  }

  async claim(partition: number, owner: string): Promise<Manifest> {
    for (;;) {
      const found = this.#find(partition)
      const { epoch, version } = found ?? { epoch: 0, version: 0 }
      const own: Own = { partition, owner, epoch: epoch + 1, version: version + 1 }
      const { manifest, anchor } = found ?? { manifest: firstManifest(partition, owner), anchor: null }
      const next = manifest
        ? { ...manifest, owner, epoch: own.epoch, version: own.version }
        : { owner, epoch: own.epoch, n: own.version, ...anchor! }
      const landed = await this.#block(partition, found ? version : null, () => this.#put(partition, next, own.version))
      if (!landed) continue
      await this.#env.flushed
      this.#own.set(partition, own)
      const claimed = manifest ? { ...manifest, owner, epoch: own.epoch } : await this.#convert(own)
      await this.#removeAll(own, () => formerKeys(this.#table, partition, REMOVED_AT_ONCE))
      return claimed
    }
  }

  async commit(partition: number, epoch: number, next: Lists, pieces: Piece[], removed: string[]): Promise<boolean> {
    const own = this.#own.get(partition)
    if (own?.epoch !== epoch) throw new RollcallError('RC_FENCED')
    this.#env.resetReadTxn()
    const gone = removed.flatMap(id => this.#keysOf(id))
    const landed = await this.#replace(own, { partition, owner: own.owner, epoch, ...next }, pieces, gone)
    await this.#env.flushed
    if (landed) return true
    const now = this.#find(partition)
    if (now?.epoch !== epoch) throw new RollcallError('RC_FENCED')
    own.version = now.version
    return false
  }

  async forget(partition: number): Promise<void> {
    this.#env.resetReadTxn()
    const version = this.#table.getEntry([partition, MANIFEST])?.version
    const forgotten = [...this.#table.getKeys({ start: [partition], end: [partition + 1] })]
    // Where it cannot be read, the version is no less, since each claim has one.
    const epoch = epochIn(this.#table, partition) ?? version ?? 0
    const next = { ...firstManifest(partition, ''), epoch, version: (version ?? 0) + 1 }
    await this.#block(partition, version ?? null, () => {
      for (const each of forgotten) this.#table.remove(each)
      this.#put(partition, next, next.version)
    })
    await this.#env.flushed
  }

  #find(partition: number): Found | undefined {
    this.#env.resetReadTxn()
    return manifestIn(this.#table, partition)
  }

  /** All of it or nothing; false if the manifest has another version. */
  #block(partition: number, version: number | null, write: () => void): Promise<boolean> {
    const key = [partition, MANIFEST]
    return version === null ? this.#table.ifNoExists(key, write) : this.#table.ifVersion(key, version, write)
  }

  #put(partition: number, next: Parameters<typeof sealedManifest>[0], version: number): void {
    this.#table.put([partition, MANIFEST], sealedManifest(next, partition), version)
  }

  #write(pieces: Piece[], removed: Key[]): void {
    for (const key of removed) this.#table.remove(key)
    for (const { id, bytes } of pieces) this.#table.put(keyOfBlob(id), bytes, 0)
  }

  async #replace(own: Own, manifest: Manifest, pieces: Piece[], removed: Key[]): Promise<boolean> {
    const { partition, version } = own
    const landed = await this.#block(partition, version, () => {
      this.#write(pieces, removed)
      this.#put(partition, { ...manifest, version: version + 1 }, version + 1)
    })
    if (landed) own.version = version + 1
    return landed
  }

  /** Under the claim, of which the manifest stays as it is. */
  async #under({ partition, version }: Own, pieces: Piece[], removed: Key[]): Promise<void> {
    if (!(await this.#block(partition, version, () => this.#write(pieces, removed))))
      throw new RollcallError('RC_FENCED')
  }

  /** Keys of the pieces of a blob. */
  #keysOf(id: string): Key[] {
    const key = keyOfBlob(id)
    const end = key.with(-1, (key.at(-1) as number) + 1)
    return [...this.#table.getKeys({ start: key, end })]
  }

  async #removeAll(own: Own, next: () => Key[]): Promise<void> {
    for (;;) {
      this.#env.resetReadTxn()
      const keys = next()
      if (keys.length === 0) return
      await this.#under(own, [], keys)
    }
  }

  /** Until the manifest of blobs is written, records that have a key each are all that counts. */
  async #convert(own: Own): Promise<Manifest> {
    const { partition } = own
    const pieces = { start: [partition, BLOBS], end: [partition, `${BLOBS}\0`], limit: REMOVED_AT_ONCE }
    // Another claim may have ended in the middle of it.
    await this.#removeAll(own, () => [...this.#table.getKeys(pieces)])
    const manifest = await converted(
      emptyOf(partition, this.#find(partition)!),
      formerRecords(this.#env, this.#table, partition),
      this.#blobs,
      (pieces, removed) =>
        this.#under(
          own,
          pieces,
          removed.flatMap(id => this.#keysOf(id)),
        ),
    )
    if (!(await this.#replace(own, manifest, [], []))) throw new RollcallError('RC_FENCED')
    await this.#env.flushed
    return manifest
  }
}

const emptyOf = (partition: number, { owner, epoch, anchor }: Found): Manifest => ({
  ...{ ...firstManifest(partition, owner), epoch, ...anchor },
})

/** Undefined where it cannot be read. */
function epochIn(table: Table, partition: number): number | undefined {
  try {
    return manifestIn(table, partition)?.epoch
  } catch (error) {
    if (!isCode(error, 'RC_CHECKPOINT_CORRUPT')) throw error
    return undefined
  }
}

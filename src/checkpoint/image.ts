/** Images: what the owner of a partition keeps in memory of its checkpoint, where each record is and what is newest. */
import { Slabs } from '../lmdb/slabs.ts'
import {
  type Blob,
  type Blobs,
  batches,
  type DeltaEntry,
  type Lists,
  type Manifest,
  type Packed,
  type Piece,
  READ_BYTES,
} from './blobs.ts'
import { Bucket, Buckets, Deltas, split } from './buckets.ts'
import { groupOf } from './groups.ts'
import type { Anchor, CheckpointRecord, RecordKey } from './index.ts'
import { idOf } from './record-id.ts'
import { type Change, isRemoval, placeOf, type Run, recordAt, weightOf, withChanges } from './run.ts'

/** A commit before it is done. */
export interface Plan {
  lists: Lists
  pieces: Piece[]
  run: Run
  /** the bucket of each record of the run, as it was before */
  owners: Bucket[]
  /** the buckets as listed */
  order: Bucket[]
  /** those that are no longer listed, and those in their stead */
  replaced: Set<Bucket>
  made: Bucket[]
  unlisted: Blob[]
  /** what is due of the next commit already */
  due: number
}

/** How much of deltas there may be. */
export interface Pace {
  /** more of a partition's deltas is not kept in memory, which has so many bytes of buckets: more of these are rewritten in a commit */
  deltaBytes(bucketBytes: number): number
  /** how many of so many buckets, or which part of one, a commit of so many bytes rewrites at least, where deltas may have as many as told */
  due(buckets: number, bytes: number, deltaBytes: number): number
  /**
   * with so many bytes of buckets a commit rewrites no more, and leaves the rest to the next; unless too many deltas are
   * listed. Where each rewrites its share, deltas stay within their bytes.
   */
  rewriteBytes(share: number): number
}

/** The records wanted of one bucket: by prefixes of ids, with the changes of each. */
export interface Selection {
  blob: Blob
  wanted: Map<string, Change[]>
}

/** Deltas that are listed at most. */
const MOST_DELTAS = 256

export class Image {
  readonly #partition: number
  readonly #epoch: number
  readonly #buckets: Buckets
  readonly #pace: Pace
  readonly #runs = new Deltas()
  #deltas: DeltaEntry[]
  #ids = 0
  /** buckets that were due and are not rewritten yet */
  #due = 0
  n: number
  /** loads that have begun and not ended; they may still read what is no longer listed */
  readonly readers: { count: number }
  /** no longer listed, and not yet removed */
  garbage: string[] = []
  /** pieces may lie around that nobody listed */
  isLittered = true

  constructor({ partition, epoch, n, buckets, deltas }: Manifest, pace: Pace, readers = { count: 0 }) {
    this.readers = readers
    this.#partition = partition
    this.#epoch = epoch
    this.#buckets = new Buckets(buckets, this.#runs)
    this.#deltas = deltas
    this.#pace = pace
    this.n = n
  }

  /** Reads the changes that no bucket has yet; false if some are gone. */
  async read(blobs: Pick<Blobs, 'readDeltas'>): Promise<boolean> {
    for (const batch of batches(this.#deltas, ({ bytes }) => bytes, READ_BYTES)) {
      for (const [i, run] of (await blobs.readDeltas(batch)).entries()) {
        if (run === undefined) return false
        this.restore(batch[i]!.n, run)
      }
    }
    return true
  }

  /** Takes the changes of commit `n`; commits come one after another. */
  restore(n: number, run: Run): void {
    this.#runs.set(n, run)
    for (let at = 0; at < run.ids.length; at++) {
      const id = run.ids[at]!
      const bucket = this.#buckets.of(id)
      if (bucket.entry.n < n) bucket.add(id, this.#runs.codeOf(n, at))
    }
  }

  get #listed(): Blob[] {
    return [...this.#deltas, ...this.#buckets.order.map(({ entry }) => entry)]
  }

  /** The ids among these, of pieces, that certainly never count again. */
  litter(ids: string[]): string[] {
    const listed = new Set(this.#listed.flatMap(({ ids }) => ids))
    return ids.filter(id => {
      const [, epoch, n] = id.split('/').map(Number) as [number, number, number]
      return !listed.has(id) && (epoch < this.#epoch || (epoch === this.#epoch && n <= this.n))
    })
  }

  readonly #nextId = (): string => `${this.#partition}/${this.#epoch}/${this.n + 1}/${this.#ids++}`

  /** Rewrites the oldest buckets that have changes, if any are due; those without are as good as rewritten. */
  async plan(
    changes: Run,
    { cut, incarnation, mark }: Anchor,
    blobs: Blobs,
    useBase: (blob: Blob, use: (run: Run) => void) => Promise<void>,
    slabs = new Slabs(),
  ): Promise<Plan> {
    const n = this.n + 1
    const weight = weightOf(changes)
    const delta = blobs.packDelta(changes, this.#nextId)
    const { run } = delta
    const owners = run.ids.map(id => this.#buckets.of(id))
    const changed = new Set(owners)
    const pieces: Piece[] = []
    let rewritten = 0
    const packed = ({ blob, pieces: own }: Packed): Blob => {
      pieces.push(...own)
      rewritten += blob.bytes
      return blob
    }
    const [made, newest, unlisted]: [Bucket[], Bucket[], Blob[]] = [[], [], []]
    const replaced: Plan['replaced'] = new Set()
    const kept = [...this.#buckets.order]
    const bucketBytes = this.#buckets.order.reduce((sum, { entry }) => sum + entry.bytes, 0)
    const deltaBytes = this.#pace.deltaBytes(bucketBytes)
    const rewriteBytes = this.#pace.rewriteBytes((bucketBytes * weight) / deltaBytes)
    const due = this.#due + this.#pace.due(kept.length, weight, deltaBytes)
    for (let bucket = kept[0]; bucket !== undefined; bucket = kept[0]) {
      if (!bucket.isChanged && !changed.has(bucket)) newest.push(bucket)
      else if (
        this.#isNext(bucket, weight, { isDue: replaced.size + 1 <= due, isFull: rewritten >= rewriteBytes, deltaBytes })
      ) {
        const changes = bucket.changesOf('', undefined)
        if (changed.has(bucket))
          for (let at = 0; at < owners.length; at++) if (owners[at] === bucket) changes.push({ run, at })
        const { at, ids } = bucket.entry
        await useBase(bucket.entry, base => {
          for (const [part, content] of split(at, withChanges(base, changes))) {
            const blob = content.ids.length === 0 ? NONE : packed(blobs.packBucket(content, this.#nextId, slabs))
            made.push(new Bucket({ at: part, n, ...blob }, this.#runs))
            newest.push(made.at(-1)!)
          }
        })
        replaced.add(bucket)
        unlisted.push({ ids, bytes: 0 })
      } else break
      kept.shift()
    }
    const oldest = kept[0]?.entry.n ?? n
    const [deltas, gone] = [this.#deltas.filter(each => each.n > oldest), this.#deltas.filter(each => each.n <= oldest)]
    if (oldest < n) deltas.push({ n, ...packed(delta) })
    const buckets = [...kept.map(({ entry }) => entry), ...newest.map(({ entry }) => ({ ...entry, n }))]
    const lists: Lists = { n, attempt: this.#nextId(), cut, incarnation, mark, buckets, deltas }
    const order = [...kept, ...newest]
    unlisted.push(...gone)
    const left = Math.min(kept.length, Math.max(0, due - replaced.size))
    return { lists, pieces, run, owners, order, replaced, made, unlisted, due: left }
  }

  /** True if the bucket, of which a commit of that weight would be the next delta, has to be rewritten in it. */
  #isNext(
    { entry }: Bucket,
    weight: number,
    { isDue, isFull, deltaBytes }: { isDue: boolean; isFull: boolean; deltaBytes: number },
  ): boolean {
    let [count, bytes] = [1, weight]
    for (const delta of this.#deltas) {
      if (delta.n <= entry.n) continue
      count++
      bytes += delta.bytes
    }
    if (count > MOST_DELTAS) return true
    return !isFull && (isDue || bytes > deltaBytes)
  }

  /** The commit counts. */
  land({ lists, run, owners, order, replaced, made, unlisted, due }: Plan): void {
    for (const [i, bucket] of order.entries()) bucket.entry = lists.buckets[i]!
    for (const bucket of made) this.#buckets.place(bucket)
    this.#buckets.order = order
    this.#due = due
    this.n = lists.n
    const oldest = lists.deltas[0]?.n ?? lists.n
    for (const { n } of this.#deltas) if (n < oldest) this.#runs.forget(n)
    if (lists.deltas.length > 0) this.#runs.set(this.n, run)
    for (let at = 0; at < owners.length; at++) {
      const owner = owners[at]!
      if (!replaced.has(owner)) owner.add(run.ids[at]!, this.#runs.codeOf(this.n, at))
    }
    this.#deltas = lists.deltas
    for (const { ids } of unlisted) this.garbage.push(...ids)
  }

  /** Where to find these records as they are now, whatever is committed later. */
  select(keys: RecordKey[]): Selection[] {
    const selections = new Map<Bucket, Selection>()
    for (const prefix of new Set(keys.map(idOf))) {
      for (const bucket of this.#buckets.within(prefix)) {
        const selection = selections.get(bucket) ?? { blob: bucket.entry, wanted: new Map() }
        selections.set(bucket, selection)
        selection.wanted.set(prefix, bucket.changesOf(prefix, groupOf(prefix)))
      }
    }
    return [...selections.values()]
  }
}

const NONE: Blob = { ids: [], bytes: 0 }

/** The records that are wanted, by their ids for each prefix. */
export function* recordsIn(base: Run, { wanted }: Selection): Generator<CheckpointRecord> {
  for (const [prefix, changes] of wanted) {
    const changed = changes.map(change => ({ id: change.run.ids[change.at]!, change }))
    if (changed.length > 1) changed.sort((one, other) => (one.id < other.id ? -1 : 1))
    let next = placeOf(base.ids, prefix)
    const isNext = () => base.ids[next]?.startsWith(prefix)
    for (const { id, change } of changed) {
      for (; isNext() && base.ids[next]! < id; next++) yield recordAt(base, next)
      if (base.ids[next] === id) next++
      if (!isRemoval(change)) yield recordAt(change.run, change.at)
    }
    for (; isNext(); next++) yield recordAt(base, next)
  }
}

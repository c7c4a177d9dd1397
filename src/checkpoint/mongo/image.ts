/** Images: what the owner of a partition keeps in memory of its checkpoint, where each record is and what is newest. */

import type { Anchor, CheckpointRecord, RecordKey } from '../index.ts'
import { idOf } from '../record-id.ts'
import { type Blob, type Piece, piecesOf } from './blobs.ts'
import { Bucket, Buckets, split } from './buckets.ts'
import { groupOf } from './groups.ts'
import type { DeltaEntry, Lists, Manifest } from './manifest.ts'
import { type Change, encode, isRemoval, placeOf, type Run, recordAt, withChanges } from './run.ts'

/** A commit before it is done. */
export interface Plan {
  lists: Lists
  pieces: Piece[]
  run: Run
  /** the buckets as listed */
  order: Bucket[]
  /** those of them that are new, and what they hold */
  made: [bucket: Bucket, run: Run][]
  unlisted: Blob[]
}

type BaseOf = (blob: Blob) => Promise<Run>

/** The records wanted of one bucket: by prefixes of ids, with the changes of each. */
export interface Selection {
  blob: Blob
  wanted: Map<string, Change[]>
}

/** More than this of deltas is not kept in memory: rather more than one bucket is rewritten in a commit. */
const DELTA_BYTES = 16 * 1024 * 1024

export class Image {
  readonly #partition: number
  readonly #epoch: number
  readonly #buckets: Buckets
  #deltas: DeltaEntry[]
  #ids = 0
  n: number
  /** loads that have begun and not ended; they may still read what is no longer listed */
  readonly readers: { count: number }
  /** no longer listed, and not yet removed */
  garbage: string[] = []
  /** pieces may lie around that nobody listed */
  isLittered = true

  constructor({ _id, epoch, n, buckets, deltas }: Manifest, readers = { count: 0 }) {
    this.readers = readers
    this.#partition = _id
    this.#epoch = epoch
    this.#buckets = new Buckets(buckets)
    this.#deltas = deltas
    this.n = n
  }

  /** Takes the changes of commit `n`; commits come one after another. */
  restore(n: number, run: Run): void {
    for (const [at, id] of run.ids.entries()) {
      const bucket = this.#buckets.of(id)
      if (bucket.entry.n < n) bucket.add({ run, at })
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

  /** Rewrites the oldest bucket that has changes; those without are as good as rewritten. */
  async plan(run: Run, { cut, incarnation, mark }: Anchor, baseOf: BaseOf): Promise<Plan> {
    const n = this.n + 1
    const bytes = encode(run)
    const fresh = Map.groupBy(run.ids.keys(), at => this.#buckets.of(run.ids[at]!))
    const pieces: Piece[] = []
    const made: Plan['made'] = []
    const newest: Bucket[] = []
    const unlisted: Blob[] = []
    const kept = [...this.#buckets.order]
    for (let bucket = kept[0]; bucket !== undefined; bucket = kept[0]) {
      const news = fresh.get(bucket)?.map(at => ({ run, at })) ?? []
      const changes = [...bucket.changesOf('', undefined), ...news]
      if (changes.length === 0) newest.push(bucket)
      else if (made.length === 0 || this.#bytesAfter(bucket.entry.n) + bytes.length > DELTA_BYTES) {
        const { at, ids } = bucket.entry
        for (const [part, content] of split(at, withChanges(await baseOf(bucket.entry), changes))) {
          const blob = this.#written(content.ids.length === 0 ? null : encode(content), pieces)
          const one = new Bucket({ at: part, n, ...blob })
          made.push([one, content])
          newest.push(one)
        }
        unlisted.push({ ids, bytes: 0 })
      } else break
      kept.shift()
    }
    const oldest = kept[0]?.entry.n ?? n
    const [deltas, gone] = [this.#deltas.filter(each => each.n > oldest), this.#deltas.filter(each => each.n <= oldest)]
    if (oldest < n) deltas.push({ n, ...this.#written(bytes, pieces) })
    const buckets = [...kept.map(({ entry }) => entry), ...newest.map(({ entry }) => ({ ...entry, n }))]
    const lists = { n, attempt: this.#nextId(), cut, incarnation, mark, buckets, deltas }
    return { lists, pieces, run, order: [...kept, ...newest], made, unlisted: [...unlisted, ...gone] }
  }

  #bytesAfter(n: number): number {
    return this.#deltas.reduce((sum, delta) => (delta.n > n ? sum + delta.bytes : sum), 0)
  }

  #written(bytes: Buffer | null, pieces: Piece[]): Blob {
    const own = bytes === null ? [] : piecesOf(bytes, this.#nextId)
    pieces.push(...own)
    return { ids: own.map(({ _id }) => _id), bytes: bytes?.length ?? 0 }
  }

  /** The commit counts. */
  land({ lists, run, order, made, unlisted }: Plan): void {
    for (const [i, bucket] of order.entries()) bucket.entry = lists.buckets[i]!
    for (const [bucket] of made) this.#buckets.place(bucket)
    this.#buckets.order = order
    this.#deltas = lists.deltas
    this.n = lists.n
    this.restore(lists.n, run)
    this.garbage.push(...unlisted.flatMap(({ ids }) => ids))
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

/** The records that are wanted, by their ids for each prefix. */
export function* recordsIn(base: Run, { wanted }: Selection): Generator<CheckpointRecord> {
  for (const [prefix, changes] of wanted) {
    const changed = changes.map(change => ({ id: change.run.ids[change.at]!, change }))
    changed.sort((one, other) => (one.id < other.id ? -1 : 1))
    let next = placeOf(base, prefix)
    const isNext = () => base.ids[next]?.startsWith(prefix)
    for (const { id, change } of changed) {
      for (; isNext() && base.ids[next]! < id; next++) yield recordAt(base, next)
      if (base.ids[next] === id) next++
      if (!isRemoval(change)) yield recordAt(change.run, change.at)
    }
    for (; isNext(); next++) yield recordAt(base, next)
  }
}

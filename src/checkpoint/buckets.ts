/** Buckets: the records of a space by the first bits of their hash, as many bits as it takes to keep them small. */

import type { BucketEntry } from './blobs.ts'
import { groupOf, hashOf } from './groups.ts'
import type { Space } from './index.ts'
import { spaceOf } from './record-id.ts'
import { type Change, parted, type Run } from './run.ts'

/** Inside a space: a bucket, or those whose next bit is 0 and those whose next bit is 1. */
type Tree = Bucket | [Tree | undefined, Tree | undefined]

const GROUPS = 2_048
const BYTES = 4 * 1024 * 1024
const BITS = 32
/** More than deltas are ever listed. */
const PLACES = 4_096
const NONE: Change[] = []

const bitOf = (hash: number, depth: number): 0 | 1 => ((hash >>> (BITS - 1 - depth)) & 1) as 0 | 1
const bitsOf = (at: string): string => at.slice(at.indexOf('/') + 1)
export const ownGroupOf = (id: string): string => groupOf(id) ?? id

/** The runs of commits whose changes no bucket has yet, each in a place that the number of its commit says. */
export class Deltas {
  readonly #runs: (Run | undefined)[] = []

  set(n: number, run: Run): void {
    this.#runs[n % PLACES] = run
  }

  forget(n: number): void {
    this.#runs[n % PLACES] = undefined
  }

  /** A change as one number, since an object for each would cost more than all the rest. */
  codeOf(n: number, at: number): number {
    return at * PLACES + (n % PLACES)
  }

  change(code: number): Change {
    return { run: this.#runs[code % PLACES]!, at: Math.floor(code / PLACES) }
  }

  idOf(code: number): string {
    return this.#runs[code % PLACES]!.ids[Math.floor(code / PLACES)]!
  }
}

/** A bucket as it is written, and what has changed since. */
export class Bucket {
  entry: BucketEntry
  readonly #deltas: Deltas
  /** codes by the groups of their records, most of which are one record */
  readonly #changes = new Map<string, number | number[]>()

  constructor(entry: BucketEntry, deltas: Deltas) {
    this.entry = entry
    this.#deltas = deltas
  }

  get isChanged(): boolean {
    return this.#changes.size > 0
  }

  add(id: string, code: number): void {
    const group = ownGroupOf(id)
    const earlier = this.#changes.get(group)
    if (earlier === undefined) this.#changes.set(group, code)
    else if (Array.isArray(earlier)) {
      const at = earlier.findIndex(each => this.#deltas.idOf(each) === id)
      earlier[at < 0 ? earlier.length : at] = code
    } else this.#changes.set(group, this.#deltas.idOf(earlier) === id ? code : [earlier, code])
  }

  /** The changes of ids that begin so; `group` is given if all of these are in one. */
  changesOf(prefix: string, group: string | undefined): Change[] {
    const own = group === undefined ? [...this.#changes.values()].flat() : this.#changes.get(group)
    // Most groups have not changed.
    if (own === undefined) return NONE
    const codes = Array.isArray(own) ? own : [own]
    return codes.map(code => this.#deltas.change(code)).filter(({ run, at }) => run.ids[at]!.startsWith(prefix))
  }
}

/** All buckets of a partition, of which each record has exactly one. */
export class Buckets {
  readonly #trees = new Map<Space, Tree>()
  /** oldest first */
  order: Bucket[]

  constructor(entries: BucketEntry[], deltas: Deltas) {
    this.order = entries.map(entry => new Bucket(entry, deltas))
    for (const bucket of this.order) this.place(bucket)
  }

  /** In the stead of the one of which it has the records, or some. */
  place(bucket: Bucket): void {
    const { at } = bucket.entry
    const space = at.slice(0, at.indexOf('/')) as Space
    const placed = (tree: Tree | undefined, bits: string): Tree => {
      if (bits === '') return bucket
      const [zero, one] = Array.isArray(tree) ? tree : [undefined, undefined]
      const rest = bits.slice(1)
      return bits[0] === '0' ? [placed(zero, rest), one] : [zero, placed(one, rest)]
    }
    this.#trees.set(space, placed(this.#trees.get(space), bitsOf(at)))
  }

  /** The bucket of an id, or of all ids of a group. */
  of(id: string): Bucket {
    let tree = this.#trees.get(spaceOf(id))
    const hash = Array.isArray(tree) ? hashOf(ownGroupOf(id)) : 0
    for (let depth = 0; Array.isArray(tree); depth++) tree = tree[bitOf(hash, depth)]
    if (tree === undefined) throw new Error(`no bucket is listed for ${JSON.stringify(id)}`)
    return tree
  }

  /** The buckets in which there may be ids that begin so. */
  within(prefix: string): Bucket[] {
    if (groupOf(prefix) !== undefined) return [this.of(prefix)]
    return this.order.filter(({ entry }) => entry.at.startsWith(`${spaceOf(prefix)}/`))
  }
}

function fits({ ids, body }: Run): boolean {
  if (body.length > BYTES) return false
  return ids.length <= GROUPS || new Set(ids.map(ownGroupOf)).size <= GROUPS
}

/** Splits a bucket into as many as are needed, maybe one; a single group stays whole. */
export function split(at: string, run: Run): [at: string, run: Run][] {
  const depth = bitsOf(at).length
  if (fits(run) || depth === BITS || new Set(run.ids.map(ownGroupOf)).size === 1) return [[at, run]]
  const [zeros, ones] = parted(run, id => bitOf(hashOf(ownGroupOf(id)), depth) === 1)
  return [...split(`${at}0`, zeros), ...split(`${at}1`, ones)]
}

/** Buckets: the records of a space by the first bits of their hash, as many bits as it takes to keep them small. */
import type { Space } from '../index.ts'
import { spaceOf } from '../record-id.ts'
import { groupOf, hashOf } from './groups.ts'
import type { BucketEntry } from './manifest.ts'
import { type Change, parted, type Run } from './run.ts'

/** Inside a space: a bucket, or those whose next bit is 0 and those whose next bit is 1. */
type Tree = Bucket | [Tree | undefined, Tree | undefined]

const GROUPS = 2_048
const BYTES = 4 * 1024 * 1024
const BITS = 32

const bitOf = (hash: number, depth: number): 0 | 1 => ((hash >>> (BITS - 1 - depth)) & 1) as 0 | 1
const bitsOf = (at: string): string => at.slice(at.indexOf('/') + 1)
const ownGroupOf = (id: string): string => groupOf(id) ?? id

/** A bucket as it is written, and what has changed since. */
export class Bucket {
  entry: BucketEntry
  readonly changes = new Map<string, Change[]>()

  constructor(entry: BucketEntry) {
    this.entry = entry
  }

  add(change: Change): void {
    const id = change.run.ids[change.at]!
    const group = ownGroupOf(id)
    const earlier = this.changes.get(group)
    if (earlier === undefined) {
      this.changes.set(group, [change])
      return
    }
    const at = earlier.findIndex(({ run, at }) => run.ids[at] === id)
    earlier[at < 0 ? earlier.length : at] = change
  }

  /** The changes of ids that begin so; `group` is given if all of these are in one. */
  changesOf(prefix: string, group: string | undefined): Change[] {
    const lists = group === undefined ? [...this.changes.values()] : [this.changes.get(group) ?? []]
    return lists.flat().filter(({ run, at }) => run.ids[at]!.startsWith(prefix))
  }
}

/** All buckets of a partition, of which each record has exactly one. */
export class Buckets {
  readonly #trees = new Map<Space, Tree>()
  /** oldest first */
  order: Bucket[]

  constructor(entries: BucketEntry[]) {
    this.order = entries.map(entry => new Bucket(entry))
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

import { actorId } from '../../actors/index.ts'
import { compareTexts } from '../documents/value-order.ts'
import { stateName } from '../inspect/edges.ts'
import type { Seq } from '../log/index.ts'
import type { Time } from '../time.ts'
import type { Partition } from './partition.ts'
import { type KeptSnapshot, migrated } from './transitions.ts'

/** A field that is not given is not asked for. */
export interface ListQuery {
  kind?: string | undefined
  state?: string | undefined
  /** keys that begin so */
  begins?: string | undefined
  /** only those behind this actor, in the order of their ids */
  after?: string | undefined
}

export interface ListedActor {
  kind: string
  key: string
  value: unknown
  partition: number
  /** of the entry that changed it last; null where that is not known */
  seq: Seq | null
  /** ms; when that was to the partition, 0 where that is not known */
  at: number
}

export interface List {
  actors: ListedActor[]
  /** all that is kept was looked through */
  isWhole: boolean
}

/** As much of what is kept is looked through for one list, in slices, so that nobody waits for it. */
const MOST_RECORDS = 20_000
const MOST_MS = 250
const SLICE_MS = 5

/** Order of a list: by kind and key; without a state or a beginning the latest come first. */
const inOrderOf = ({ state, begins, after }: ListQuery): ((a: ListedActor, b: ListedActor) => number) => {
  const byId = (a: ListedActor, b: ListedActor): number => compareTexts(a.kind, b.kind) || compareTexts(a.key, b.key)
  const isByTime = state === undefined && begins === undefined && after === undefined
  return isByTime ? (a, b) => b.at - a.at || byId(a, b) : byId
}

/** Actors of a partition, no more than asked for: those in memory, and of those that are kept as many as a look finds. */
export async function listed(partition: Partition, query: ListQuery, limit: number, time: Time): Promise<List> {
  const { residents, kinds, claim, keptOf } = partition
  const wanted = [...kinds.values()].filter(({ kind }) => (query.kind ?? kind) === kind)
  const isWanted = ({ kind, key, value }: ListedActor): boolean =>
    (query.state === undefined || stateName(value) === query.state) &&
    (query.begins === undefined || key.startsWith(query.begins)) &&
    (query.after === undefined || isBehind({ kind, key }, query.after))
  const order = inOrderOf(query)
  const actors = residents
    .list(wanted)
    .map(({ kind, key, former, seq, at }): ListedActor => {
      return { kind: kind.kind, key, value: former.value, partition: claim.partition, seq: seq || null, at }
    })
    .filter(isWanted)
  let [read, spent, slice, isWhole] = [0, 0, time.monotonic(), true]
  const isEnough = actors.length >= limit && query.state === undefined && query.begins === undefined && !query.after
  for (const kind of isEnough ? [] : wanted) {
    for await (const { names, value } of keptOf(kind.kind)) {
      const now = time.monotonic()
      if (++read > MOST_RECORDS || spent + now - slice > MOST_MS) {
        isWhole = false
        break
      }
      if (now - slice > SLICE_MS) {
        spent += now - slice
        await time.turn()
        slice = time.monotonic()
      }
      const [, key, part] = names as [string, string, string]
      if (part !== '' || residents.has(actorId(kind.kind, key))) continue
      const state = migrated(kind, value as KeptSnapshot)[1]
      const found = { kind: kind.kind, key, value: state, partition: claim.partition, seq: null, at: 0 }
      if (isWanted(found)) actors.push(found)
    }
  }
  const byId = new Map(actors.map(actor => [actorId(actor.kind, actor.key), actor]))
  return { actors: [...byId.values()].sort(order).slice(0, limit), isWhole }
}

/** In the order of kinds, then of keys. */
function isBehind({ kind, key }: Pick<ListedActor, 'kind' | 'key'>, place: string): boolean {
  const slash = place.indexOf('/')
  return (compareTexts(kind, place.slice(0, slash)) || compareTexts(key, place.slice(slash + 1))) > 0
}

/** Lists of other partitions, or shards, as one. */
export const joined = (lists: readonly List[], query: ListQuery, limit: number): List => ({
  actors: lists
    .flatMap(({ actors }) => actors)
    .sort(inOrderOf(query))
    .slice(0, limit),
  isWhole: lists.every(({ isWhole }) => isWhole),
})

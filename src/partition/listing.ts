import { type ActorKind, actorId } from '../../actors/index.ts'
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

/** So long the kept part of a list is good for whoever asks for the same again; an actor that left memory since is not in it. */
const GOOD_MS = 10_000
/** The oldest go. Each is of as many actors as were asked for. */
const MOST_LOOKS = 64
/** Residents that are looked through in one turn. */
const TURN = 1_000

/** Actors that are kept and not in memory, as many as were asked for. */
interface Kept {
  actors: ListedActor[]
  /** there are more */
  isCut: boolean
  isWhole: boolean
}

interface Look {
  kept: Promise<Kept>
  until: number
}

/** Lists the actors of partitions: who asks for what others have just asked for causes no look of its own. */
export class Listing {
  readonly #time: Time
  readonly #looks = new Map<string, Look>()

  constructor(time: Time) {
    this.#time = time
  }

  /** No more than asked for: those in memory, and of those that are kept as many as a look finds. */
  async of(partition: Partition, query: ListQuery, limit: number): Promise<List> {
    const { residents, claim } = partition
    const wanted = kindsOf(partition, query)
    const isByTime = query.state === undefined && query.begins === undefined && query.after === undefined
    const isEnough = isByTime && residents.list(wanted).length >= limit
    const none: Kept = { actors: [], isCut: false, isWhole: true }
    const kept = isEnough ? none : await this.#lookedAt(partition, query, limit)
    const best = new Best(query, limit)
    for (const actor of kept.actors) if (!residents.has(actorId(actor.kind, actor.key))) best.add(actor)
    for (const [i, { kind, key, state, seq, changedAt: at }] of residents.list(wanted).entries()) {
      if (i % TURN === TURN - 1) await this.#time.turn()
      best.add({ kind: kind.kind, key, value: state, partition: claim.partition, seq: seq || null, at })
    }
    return { actors: best.list(), isWhole: kept.isWhole }
  }

  async #lookedAt(partition: Partition, query: ListQuery, limit: number): Promise<Kept> {
    const { kind, state, begins, after } = query
    const name = JSON.stringify(
      [partition.claim.partition, kind, state, begins, after, limit].map(each => each ?? null),
    )
    const now = this.#time.monotonic()
    for (const [other, { until }] of this.#looks) if (until <= now) this.#looks.delete(other)
    const former = this.#looks.get(name)
    if (former) {
      const known = await former.kept
      const isLoaded = ({ kind, key }: ListedActor): boolean => partition.residents.has(actorId(kind, key))
      // Where some are in memory by now, others would have come in their place.
      if (!known.isCut || !known.actors.some(isLoaded)) return known
    }
    const look: Look = { kept: lookAt(partition, query, limit, this.#time), until: Number.POSITIVE_INFINITY }
    const [oldest] = this.#looks.keys()
    if (this.#looks.size >= MOST_LOOKS) this.#looks.delete(oldest!)
    this.#looks.set(name, look)
    try {
      return await look.kept
    } catch (error) {
      this.#looks.delete(name)
      throw error
    } finally {
      look.until = this.#time.monotonic() + GOOD_MS
    }
  }
}

const kindsOf = ({ kinds }: Partition, query: ListQuery): ActorKind[] =>
  [...kinds.values()].filter(({ kind }) => (query.kind ?? kind) === kind)

async function lookAt(partition: Partition, query: ListQuery, limit: number, time: Time): Promise<Kept> {
  const { residents, claim, keptOf } = partition
  const best = new Best(query, limit)
  let [read, spent, slice, isWhole] = [0, 0, time.monotonic(), true]
  for (const kind of kindsOf(partition, query)) {
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
      best.add({ kind: kind.kind, key, value: state, partition: claim.partition, seq: null, at: 0 })
    }
  }
  return { actors: best.list(), isCut: best.isCut, isWhole }
}

/** The first that are wanted of all that are added: never many more than asked for. */
class Best {
  readonly #query: ListQuery
  readonly #limit: number
  #actors = new Map<string, ListedActor>()
  isCut = false

  constructor(query: ListQuery, limit: number) {
    this.#query = query
    this.#limit = limit
  }

  add(actor: ListedActor): void {
    const { state, begins, after } = this.#query
    const { kind, key, value } = actor
    const isWanted =
      (state === undefined || stateName(value) === state) &&
      (begins === undefined || key.startsWith(begins)) &&
      (after === undefined || isBehind(actor, after))
    if (!isWanted) return
    this.#actors.set(actorId(kind, key), actor)
    if (this.#actors.size >= 2 * this.#limit + TURN) this.list()
  }

  list(): ListedActor[] {
    const first = [...this.#actors.values()].sort(inOrderOf(this.#query)).slice(0, this.#limit)
    this.isCut ||= first.length < this.#actors.size
    this.#actors = new Map(first.map(actor => [actorId(actor.kind, actor.key), actor]))
    return first
  }
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

/** Documents in MongoDB. Beside its own fields each has the seq of its last write; a removed one leaves a trace. */
import type { Db, Filter, Collection as MongoCollection, UpdateOneModel } from 'mongodb'
import type { Seq } from '../log/index.ts'
import { duplicates, type Repeat, repeated } from '../mongodb/outcome.ts'
import { systemTime, type Time } from '../time.ts'
import { COLLECTIONS, type Collection, type Document, type DocumentStore } from './index.ts'
import { TRACE_MS } from './stored.ts'
import { HIDDEN, VISIBLE, visible } from './tombstones.ts'

type Fields = Record<string, unknown>

export interface MongoDocumentOptions {
  /** how long something is repeated that MongoDB does not answer, before RC_STORE_UNAVAILABLE */
  patienceMs?: number
  time?: Time
}

interface Versioned {
  _id: string
  _seq: Seq
  _gone?: true
  _expireAt?: Date
}

type Stored = MongoCollection<Versioned>

const WRITES_AT_ONCE = 1_000
const READ_AT_ONCE = 1_000

const defined = (set: Fields): Fields =>
  Object.fromEntries(Object.entries(set).filter(([, value]) => value !== undefined))

/** Lists of no more than a bulk takes, in which no id comes twice; one after another they keep the order. */
function bulksOf<T extends { id: string }>(writes: readonly T[]): T[][] {
  const rounds: T[][] = []
  const writesOf = new Map<string, number>()
  for (const write of writes) {
    const round = writesOf.get(write.id) ?? 0
    writesOf.set(write.id, round + 1)
    rounds[round] ??= []
    rounds[round].push(write)
  }
  return rounds.flatMap(partsOf)
}

const partsOf = <T>(items: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(items.length / WRITES_AT_ONCE) }, (_, i) =>
    items.slice(i * WRITES_AT_ONCE, (i + 1) * WRITES_AT_ONCE),
  )

/** The seq of an older write, or none, as in a document of another program, which knows no seqs. */
const notAfter = (seq: Seq) => ({ $not: { $gt: seq } })

/** The update that leaves a trace of a document; `seq` is a number, or the path of one. */
const trace = (seq: number | string, now: number): Fields[] => [
  { $replaceWith: { _id: '$_id', _seq: seq, _gone: true, _expireAt: new Date(now + TRACE_MS) } },
]

/** Opens the documents of a database; the indexes of all collections are made before the first is asked for. */
export function openMongoDocuments(
  db: Db,
  { patienceMs = 5_000, time = systemTime }: MongoDocumentOptions = {},
): DocumentStore {
  let ready: Promise<unknown> | undefined

  const repeat: Repeat = work => repeated(work, patienceMs, time)

  const makeIndexes = async (): Promise<void> => {
    for (const [name, fields] of Object.entries(COLLECTIONS)) {
      // With the id, so that the documents of one value are read in the order of their ids.
      const keys = fields.map(field => ({ key: { [field]: 1, _id: 1 } }))
      const expiry = { key: { _expireAt: 1 }, expireAfterSeconds: 0, sparse: true }
      await repeat(() => db.collection(name).createIndexes([...keys, expiry]))
    }
  }

  const opened = async (name: Collection): Promise<Stored> => {
    ready ??= makeIndexes().catch(error => {
      ready = undefined
      throw error
    })
    await ready
    return db.collection<Versioned>(name)
  }

  /** The places of those whose id is there already, but not as the filter has it. */
  const bulk = (stored: Stored, writes: UpdateOneModel<Versioned>[]): Promise<number[]> =>
    repeat(async () => {
      const operations = writes.map(write => ({ updateOne: write }))
      try {
        await stored.bulkWrite(operations, { ordered: false, ignoreUndefined: true })
        return []
      } catch (error) {
        const places = duplicates(error)
        if (places === null) throw error
        return places
      }
    })

  return {
    get: async (collection, id) => {
      const stored = await opened(collection)
      return repeat(() => stored.findOne<Document>({ _id: id, ...VISIBLE }, { projection: HIDDEN }))
    },

    find: async (collection, { filter = {}, sort = {}, skip = 0, limit = 0 }) => {
      const stored = await opened(collection)
      const options = { projection: HIDDEN, sort, skip, limit }
      return repeat(() => stored.find<Document>({ $and: [filter, VISIBLE] }, options).toArray())
    },

    aggregate: async (collection, pipeline) => {
      const stored = await opened(collection)
      return repeat(() => stored.aggregate<Document>(visible(pipeline)).toArray())
    },

    upsertMany: async (collection, upserts) => {
      const stored = await opened(collection)
      for (const some of bulksOf(upserts)) {
        const writes = some.map(({ id, seq, set }) => ({
          filter: { _id: id, _seq: notAfter(seq) },
          update: { $set: { ...defined(set), _seq: seq }, $unset: { _gone: '' as const, _expireAt: '' as const } },
          upsert: true,
        }))
        const met = await bulk(stored, writes)
        // Either the stored is newer, or the two were first at once and the older was quicker.
        const again = met.map(place => ({ ...writes[place]!, upsert: false }))
        if (again.length > 0) await bulk(stored, again)
      }
    },

    removeMany: async (collection, ids, seq) => {
      const stored = await opened(collection)
      for (const some of partsOf(ids))
        await repeat(() => stored.updateMany({ _id: { $in: some }, _seq: notAfter(seq) }, trace(seq, time.now())))
    },

    removeWhere: async (collection, filter) => {
      const stored = await opened(collection)
      const { modifiedCount } = await repeat(() =>
        stored.updateMany({ $and: [filter, VISIBLE] }, trace('$_seq', time.now())),
      )
      return modifiedCount
    },

    patchMany: async (collection, guard, patches) => {
      const stored = await opened(collection)
      for (const some of bulksOf(patches)) {
        const writes = some.map(({ id, set }) => ({
          filter: { _id: id, ...VISIBLE, [guard]: { $not: { $gte: set[guard] } } },
          update: { $set: defined(set) },
        }))
        await bulk(stored, writes)
      }
    },

    seqs: async function* (collection, field) {
      const stored = await opened(collection)
      const options = { projection: { _seq: 1, [field]: 1 }, sort: { _id: 1 as const }, limit: READ_AT_ONCE }
      for (let after: string | null = null; ; ) {
        const filter: Filter<Versioned> = { ...VISIBLE, ...(after !== null && { _id: { $gt: after } }) }
        const some = await repeat(() => stored.find<Versioned & Fields>(filter, options).toArray())
        for (const document of some) yield [document[field], document._seq ?? 0]
        if (some.length < READ_AT_ONCE) return
        after = some.at(-1)!._id
      }
    },

    close: async () => {},
  }
}

/** Documents in MongoDB. Beside its own fields each has the seq of its last write; a removed one leaves a trace. */
import type { Db, Filter, Collection as MongoCollection, ObjectId, UpdateOneModel } from 'mongodb'
import type { Seq } from '../log/index.ts'
import { duplicates, type Repeat, repeated } from '../mongodb/outcome.ts'
import { Meter } from '../observe/meter.ts'
import { systemTime, type Time } from '../time.ts'
import { COLLECTIONS, type Collection, type Document, type DocumentStore } from './index.ts'
import { inTextOrder, OBJECT_IDS, objectIdOf, ofEither, TEXTS, withTextId } from './object-ids.ts'
import { TRACE_MS } from './stored.ts'
import { HIDDEN, VISIBLE, visible } from './tombstones.ts'

type Fields = Record<string, unknown>

export interface MongoDocumentOptions {
  /** how long something is repeated that MongoDB does not answer, before RC_STORE_UNAVAILABLE */
  patienceMs?: number
  time?: Time
  meter?: Meter | undefined
}

interface Versioned {
  /** an ObjectId in a document that another program made, see `OF_OTHERS` */
  _id: string | ObjectId
  _seq: Seq
  _gone?: true
  _expireAt?: Date
}

type Stored = MongoCollection<Versioned>

/** The collection in which documents of another program are gone on with, whatever their ids are. */
const OF_OTHERS: Collection = 'sessions'
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
  { patienceMs = 5_000, time = systemTime, meter = new Meter() }: MongoDocumentOptions = {},
): DocumentStore {
  const written = (collection: Collection, count: number): void => {
    meter.count('rollcall_documents_written_total', { collection }).n += count
  }
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

  /** Where documents are that are not under the text of their id. */
  const places = async (name: Collection, stored: Stored, ids: readonly string[]): Promise<Map<string, ObjectId>> => {
    const known = name === OF_OTHERS ? ids.flatMap(id => objectIdOf(id) ?? []) : []
    if (known.length === 0) return new Map()
    const filter = { _id: { $in: [...known, ...known.map(each => each.toHexString())] } }
    const there = await repeat(() => stored.find(filter, { projection: { _id: 1 } }).toArray())
    const texts = new Set(there.map(({ _id }) => _id))
    return new Map(
      there.flatMap(({ _id }) => (typeof _id === 'string' || texts.has(`${_id}`) ? [] : [[`${_id}`, _id] as const])),
    )
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
      const other = collection === OF_OTHERS ? objectIdOf(id) : null
      const filter = { _id: other ? { $in: [id, other] } : id, ...VISIBLE }
      // A text id counts where the ObjectId is there as well: texts come first.
      const options = { projection: HIDDEN, ...(other && { sort: { _id: 1 as const } }) }
      const found = await repeat(() => stored.findOne<Document>(filter, options))
      return found && withTextId(found)
    },

    find: async (collection, { filter = {}, sort = {}, skip = 0, limit = 0 }) => {
      const stored = await opened(collection)
      const read = (filter: Fields, skip: number, limit: number): Promise<Document[]> => {
        const options = { projection: HIDDEN, sort, skip, limit }
        return repeat(() => stored.find<Document>({ $and: [filter, VISIBLE] }, options).toArray())
      }
      if (collection !== OF_OTHERS) return read(filter, skip, limit)
      if (Object.keys(sort).join() !== '_id') return (await read(ofEither(filter), skip, limit)).map(withTextId)
      return inTextOrder((filter, limit) => read(filter, 0, limit), { filter, direction: sort._id!, skip, limit })
    },

    aggregate: async (collection, pipeline) => {
      const stored = await opened(collection)
      return (await repeat(() => stored.aggregate<Document>(visible(pipeline)).toArray())).map(withTextId)
    },

    upsertMany: async (collection, upserts) => {
      const stored = await opened(collection)
      const others = await places(
        collection,
        stored,
        upserts.map(each => each.id),
      )
      for (const some of bulksOf(upserts)) {
        const writes = some.map(({ id, seq, set }) => ({
          filter: { _id: others.get(id) ?? id, _seq: notAfter(seq) },
          update: { $set: { ...defined(set), _seq: seq }, $unset: { _gone: '' as const, _expireAt: '' as const } },
          upsert: true,
        }))
        const met = await bulk(stored, writes)
        // Either the stored is newer, or the two were first at once and the older was quicker.
        const again = met.map(place => ({ ...writes[place]!, upsert: false }))
        if (again.length > 0) await bulk(stored, again)
      }
      written(collection, upserts.length)
    },

    removeMany: async (collection, ids, seq) => {
      const stored = await opened(collection)
      const others = await places(collection, stored, ids)
      for (const some of partsOf(ids)) {
        const filter = { _id: { $in: some.map(id => others.get(id) ?? id) }, _seq: notAfter(seq) }
        await repeat(() => stored.updateMany(filter, trace(seq, time.now())))
      }
    },

    removeWhere: async (collection, filter) => {
      const stored = await opened(collection)
      const { modifiedCount } = await repeat(() =>
        stored.updateMany(
          { $and: [collection === OF_OTHERS ? ofEither(filter) : filter, VISIBLE] },
          trace('$_seq', time.now()),
        ),
      )
      return modifiedCount
    },

    patchMany: async (collection, guard, patches) => {
      const stored = await opened(collection)
      const others = await places(
        collection,
        stored,
        patches.map(each => each.id),
      )
      for (const some of bulksOf(patches)) {
        const writes = some.map(({ id, set }) => ({
          filter: { _id: others.get(id) ?? id, ...VISIBLE, [guard]: { $not: { $gte: set[guard] } } },
          update: { $set: defined(set) },
        }))
        await bulk(stored, writes)
      }
      written(collection, patches.length)
    },

    seqs: async function* (collection, field) {
      const stored = await opened(collection)
      const options = { projection: { _seq: 1, [field]: 1 }, sort: { _id: 1 as const }, limit: READ_AT_ONCE }
      for (const first of [TEXTS, OBJECT_IDS]) {
        for (let filter: Filter<Versioned> = { ...VISIBLE, ...first }; ; ) {
          const some = await repeat(() => stored.find<Versioned & Fields>(filter, options).toArray())
          for (const document of some) yield [document[field], document._seq ?? 0]
          if (some.length < READ_AT_ONCE) break
          filter = { ...VISIBLE, _id: { $gt: some.at(-1)!._id } }
        }
      }
    },

    close: async () => {},
  }
}

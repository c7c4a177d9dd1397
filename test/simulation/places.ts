import type { CheckpointStore } from '../../src/checkpoint/index.ts'
import { memoryCheckpoints } from '../../src/checkpoint/memory.ts'
import type { Collection, DocumentStore } from '../../src/documents/index.ts'
import { memoryDocuments } from '../../src/documents/memory.ts'
import type { Entry } from '../../src/log/index.ts'
import { LogInMemory, type MemoryLog } from '../../src/log/memory.ts'
import type { Time } from '../../src/time.ts'
import type { Clock, Life } from './clock.ts'
import { timeOf } from './clock.ts'
import type { Fate, Place } from './fate.ts'
import { memoryLease } from './lease.ts'

export const PARTITIONS = 2

/** All that outlives processes: a log, checkpoints, documents and a lease, in memory. */
export class Places {
  readonly log: LogInMemory
  readonly checkpoints: CheckpointStore = memoryCheckpoints()
  readonly documents: DocumentStore
  readonly lease = memoryLease()

  /** `lost` hears of documents that went before those were there that replace them. */
  constructor(clock: Clock, always: Life, lost: (what: string) => void) {
    const time = timeOf(clock, always, () => 0)
    this.log = new LogInMemory({ partitions: PARTITIONS, settings: {}, time })
    this.documents = watched(memoryDocuments({ time }), lost)
  }

  /** Every entry of a partition's log, as it is now. */
  async entries(partition: number): Promise<Entry[]> {
    const log = this.log.open()
    const { last, first } = await log.bounds(partition)
    const all: Entry[] = []
    if (last < first) return all
    for await (const entries of log.read(partition, first - 1)) {
      all.push(...entries)
      if (all.at(-1)!.seq >= last) break
    }
    return all
  }
}

/** The fields of documents by which another one of the same owner takes the place of one that goes. */
const REPLACED: Partial<Record<Collection, [owner: string, from: string, until: string]>> = {
  'web-sessions': ['visitorId', 'firstEventAt', 'lastEventAt'],
  'viewing-sessions': ['userId', 'start', 'start'],
}

function watched(documents: DocumentStore, lost: (what: string) => void): DocumentStore {
  return {
    ...documents,
    async removeMany(collection, ids, seq) {
      const [owner, from, until] = REPLACED[collection] ?? []
      for (const id of owner ? ids : []) {
        const gone = await documents.get(collection, id)
        if (!gone) continue
        const others = await documents.find(collection, { filter: { [owner!]: gone[owner!] } })
        const isThere = others.some(other => {
          return (
            other._id !== id &&
            Number(other[from!]) <= Number(gone[from!]) &&
            (until === from || Number(other[until!]) >= Number(gone[until!]))
          )
        })
        if (!isThere) lost(`${collection} ${id} goes and nothing is there in its place`)
      }
      await documents.removeMany(collection, ids, seq)
    },
  }
}

/** The places as one life reaches them. */
export function reached(places: Places, life: Life, fate: Fate, time: Time) {
  const reach = <T>(place: Place, work: () => T | Promise<T>): Promise<T> => fate.reach(life, place, work)
  return {
    log: reachedLog(places.log, life, time, reach),
    checkpoints: reachedCheckpoints(places.checkpoints, reach),
    documents: reachedStore(places.documents, 'documents', reach),
  }
}

type Reach = <T>(place: Place, work: () => T | Promise<T>) => Promise<T>

function reachedLog(kept: LogInMemory, life: Life, time: Time, reach: Reach): MemoryLog {
  const opened = kept.open({ time, reach: work => reach('log', work) })
  return {
    ...opened,
    async *read(partition, after, signal) {
      for await (const entries of opened.read(partition, after, signal)) {
        await life.goesOn()
        yield entries
      }
    },
  }
}

function reachedCheckpoints(store: CheckpointStore, reach: Reach): CheckpointStore {
  return {
    ...reachedStore(store, 'checkpoint', reach),
    async commit(claim, cut, delta) {
      const [sent, own] = [copied(delta), { ...claim }]
      await reach('checkpoint', () => store.commit(own, cut, sent))
      Object.assign(claim, own)
    },
  }
}

/** A store whose every call goes the way of a process; what it iterates over is read as of the call. */
function reachedStore<S extends object>(store: S, place: Place, reach: Reach): S {
  const isIterated = (name: string): boolean => name === 'load' || name === 'seqs'
  const methods = Object.entries(store) as [string, (...args: unknown[]) => unknown][]
  const reaching = methods.map(([name, method]) => {
    const call = (...args: unknown[]) => {
      // As it is when it is sent, whatever becomes of it then.
      const sent = copied(args)
      return reach(place, () => method(...sent))
    }
    const iterate = async function* (...args: unknown[]) {
      yield* await reach(place, () => gathered(method(...args) as AsyncIterable<unknown>))
    }
    return [name, isIterated(name) ? iterate : call]
  })
  return Object.fromEntries(reaching)
}

/** As `structuredClone` does with data, in a quarter of the time. */
function copied<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copied) as T
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return structuredClone(value)
  const copy: Record<string, unknown> = {}
  for (const name of Object.keys(value)) copy[name] = copied((value as Record<string, unknown>)[name])
  return copy as T
}

async function gathered<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const each of source) all.push(each)
  return all
}

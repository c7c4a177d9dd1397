import type { ShownVisit } from '../../actors/visitor-day-documents.ts'
import type { Collection, DocumentStore } from '../../src/documents/index.ts'
import { memoryDocuments } from '../../src/documents/memory.ts'
import type { Entry, Seq } from '../../src/log/index.ts'
import { LogInMemory } from '../../src/log/memory.ts'
import type { Clock, Life } from './clock.ts'
import { timeOf } from './clock.ts'
import { Kept, type Origin } from './kept.ts'
import { memoryLease } from './lease.ts'
import { LiveModel } from './live.ts'

export const PARTITIONS = 2

/** The rules of days, as a log is made with them. */
export interface DayRules {
  zone: string
  inactivityMs: number
}

/** A document and the seq it has. */
export type Held = [id: string, seq: Seq, set: Record<string, unknown>]

/** The time from the beginning, or from a loss of everything but the documents. */
export interface Era {
  rules: DayRules
  /** by partition: all entries, also those that were trimmed */
  logs: Entry[][]
  /** by partition: where its checkpoint began above documents */
  origins: (Origin | null)[]
  /** the documents as the era found them */
  documents: Map<Collection, Held[]>
}

const OF_ACTORS = [
  'sessions',
  'viewing-sessions',
  'web-sessions',
  'web-events',
  'statistics',
  'stream-viewers',
] as const
export const COLLECTIONS: readonly Collection[] = [...OF_ACTORS, 'actors']

/** All that outlives processes: a log, checkpoints, documents, live sets and a lease, in memory. */
export class Places {
  readonly checkpoints: Kept
  readonly documents: DocumentStore
  readonly lease = memoryLease()
  readonly live = new LiveModel(PARTITIONS)
  readonly #clock: Clock
  readonly #always: Life
  #log: LogInMemory
  /** by partition: entries that are in the log no more */
  #trimmed: Entry[][] = []
  #found = new Map<Collection, Held[]>()
  /** those that the log was made with, and those that count now for everything */
  rules: { made: DayRules; now: DayRules }

  /** `lost` hears of documents that went before those were there that replace them. */
  constructor(clock: Clock, always: Life, rules: DayRules, lost: (what: string) => void) {
    this.#clock = clock
    this.#always = always
    this.rules = { made: rules, now: rules }
    this.#log = this.#newLog()
    this.checkpoints = new Kept(PARTITIONS)
    const documents = memoryDocuments({ time: timeOf(clock, always, () => 0) })
    this.documents = watched(documents, id => this.#isTorn(id), lost)
  }

  get log(): LogInMemory {
    return this.#log
  }

  #newLog(): LogInMemory {
    this.#trimmed = Array.from({ length: PARTITIONS }, () => [])
    const time = timeOf(this.#clock, this.#always, () => 0)
    return new LogInMemory({ partitions: PARTITIONS, settings: {}, time })
  }

  /** A session that was found, but none of its visits: its cut was not written whole before the loss. */
  #isTorn(id: string): boolean {
    const chunks = (this.#found.get('web-events') ?? []).flatMap(([, , { events }]) => events as ShownVisit[])
    const isFound = this.#found.get('web-sessions')?.some(([found]) => found === id) ?? false
    return isFound && !chunks.some(({ webSessionId }) => webSessionId === id)
  }

  get isTrimmed(): boolean {
    return this.#trimmed.some(entries => entries.length > 0)
  }

  /** Trims a partition's log, of which nothing is forgotten here. */
  async trim(partition: number, below: Seq): Promise<number> {
    const before = await this.#held(partition)
    const gone = await this.#log.open().trim(partition, below)
    this.#trimmed[partition]!.push(...before.slice(0, gone))
    return gone
  }

  /** Every entry of a partition's log, as it is now. */
  async #held(partition: number): Promise<Entry[]> {
    const log = this.#log.open()
    const { last, first } = await log.bounds(partition)
    const all: Entry[] = []
    if (last < first) return all
    for await (const entries of log.read(partition, first - 1)) {
      all.push(...entries)
      if (all.at(-1)!.seq >= last) break
    }
    return all
  }

  async entries(partition: number): Promise<Entry[]> {
    return [...this.#trimmed[partition]!, ...(await this.#held(partition))]
  }

  /** Everything since the beginning, or the last loss. */
  async era(): Promise<Era> {
    const logs: Entry[][] = []
    for (let p = 0; p < PARTITIONS; p++) logs.push(await this.entries(p))
    return { rules: this.rules.made, logs, origins: [...this.checkpoints.origins], documents: this.#found }
  }

  /** A document that another program had comes to be there, as if it always had been. */
  async find(collection: Collection, held: Held): Promise<void> {
    const [id, seq, set] = held
    const found = this.#found.get(collection) ?? []
    if (!found.some(([known]) => known === id)) this.#found.set(collection, [...found, held])
    await this.documents.upsertMany(collection, [{ id, seq, set }])
  }

  /** Begins an era in which only the documents are left, or the log with them. */
  async lose(withLog: boolean): Promise<void> {
    this.checkpoints.clear()
    this.live.flush()
    if (!withLog) return
    this.#found = await copyOf(this.documents)
    this.#log = this.#newLog()
    this.rules = { ...this.rules, made: this.rules.now }
  }
}

/** Every document of the collections that actors write. */
export async function copyOf(documents: DocumentStore): Promise<Map<Collection, Held[]>> {
  const all = new Map<Collection, Held[]>()
  for (const collection of COLLECTIONS) {
    const seqs = new Map<unknown, Seq>()
    for await (const [id, seq] of documents.seqs(collection, '_id')) seqs.set(id, seq)
    const found = await documents.find(collection, {})
    all.set(
      collection,
      found.map(({ _id, ...set }): Held => [_id, seqs.get(_id)!, set]),
    )
  }
  return all
}

/** The fields of documents by which others of the same owner take the place of one that goes. */
const REPLACED: Partial<Record<Collection, [owner: string, first: string, last: string]>> = {
  'web-sessions': ['visitorId', 'firstEventAt', 'lastEventAt'],
  'viewing-sessions': ['userId', 'start', 'end'],
}

function watched(
  documents: DocumentStore,
  isTorn: (id: string) => boolean,
  lost: (what: string) => void,
): DocumentStore {
  return {
    ...documents,
    async removeMany(collection, ids, seq) {
      const bare: string[] = []
      const [owner, first, last] = REPLACED[collection] ?? []
      for (const id of owner ? ids : []) {
        const gone = await documents.get(collection, id)
        if (!gone || gone.isForeign || isTorn(id)) continue
        const others = await documents.find(collection, { filter: { [owner!]: gone[owner!] } })
        const isWithin = (at: number): boolean =>
          others.some(other => other._id !== id && Number(other[first!]) <= at && at <= Number(other[last!]))
        // The end of a viewing session is written now and then.
        const isThere =
          isWithin(Number(gone[first!])) && (collection === 'viewing-sessions' || isWithin(Number(gone[last!])))
        if (!isThere) bare.push(id)
      }
      await documents.removeMany(collection, ids, seq)
      for (const id of bare)
        if (!(await documents.get(collection, id))) lost(`${collection} ${id} goes and nothing is there in its place`)
    },
  }
}

/**
 * Documents: what people query. Projections of the checkpoint, upserted idempotently with the seq they stem from,
 * and the platform data (users, followers, ...) that HTTP writes directly.
 */
import type { Seq } from '../log/index.ts'

/** The collections and the fields they can be found by. `_id` is always one; a listed field may be a dotted path. */
export const COLLECTIONS = {
  sessions: ['userId', 'active'],
  'viewing-sessions': ['userId'],
  'web-sessions': ['visitorId', 'userId', 'partyId', 'day'],
  'web-events': ['visitorId', 'begins'],
  statistics: ['timestamp'],
  effects: ['actor', 'lane', 'partition'],
  actors: ['listed'],
  users: [],
  followers: ['userId', 'followerId'],
  registrations: ['userId'],
  sources: ['userId'],
  earnings: ['userId'],
  trending: [],
  feeds: [],
  'stream-viewers': ['seen'],
} as const satisfies Record<string, readonly string[]>

export type Collection = keyof typeof COLLECTIONS

export type Document = { _id: string } & Record<string, unknown>

/** Fields to set; a dotted name sets inside. Fields not named keep their value. `seq` older than the stored never wins. */
export interface Upsert {
  id: string
  seq: Seq
  set: Record<string, unknown>
}

export interface Patch {
  id: string
  set: Record<string, unknown>
}

export interface Query {
  /** A MongoDB filter: equality, `$in`, comparisons, `$and`, `$or` (meaning as in MongoDB). */
  filter?: Record<string, unknown>
  sort?: Record<string, 1 | -1>
  skip?: number
  limit?: number
}

/** Texts are in the order of their UTF-8 bytes wherever they are compared: in filters, orders and pipelines. */
export interface DocumentStore {
  /** The document of that id. */
  get(collection: Collection, id: string): Promise<Document | null>
  find(collection: Collection, query: Query): Promise<Document[]>
  /** A MongoDB aggregation pipeline over the documents of a collection; `$lookup` reaches the others. */
  aggregate(collection: Collection, pipeline: Record<string, unknown>[]): Promise<Document[]>
  /** Durable when resolved. Writing the same again, or an older seq, changes nothing. */
  upsertMany(collection: Collection, upserts: Upsert[]): Promise<void>
  /** Removes those whose stored seq is not newer than `seq`; ids that are not there are passed over. */
  removeMany(collection: Collection, ids: string[], seq: Seq): Promise<void>
  /** Removes those that match, each as of the seq it has: a newer write of it still counts. Answers how many. */
  removeWhere(collection: Collection, filter: Record<string, unknown>): Promise<number>
  /**
   * Sets fields of documents that are there, beside their seq: `guard` names a number among the fields, and a
   * document whose own is as great or greater keeps what it has.
   */
  patchMany(collection: Collection, guard: string, patches: Patch[]): Promise<void>
  /** The value of a field, which may be missing, and the seq, of every document. */
  seqs(collection: Collection, field: string): AsyncIterable<[value: unknown, seq: Seq]>
  close(): Promise<void>
}

/**
 * Adoption: partitions whose checkpoint is empty while there are documents from before go on above these. What the
 * documents know of a visitor's day is brought into the state when the day is next needed (`machines/adoption.ts`).
 */
import { randomUUID } from 'node:crypto'
import type { CheckpointStore } from '../checkpoint/index.ts'
import type { Collection, DocumentStore } from '../documents/index.ts'
import type { Seq } from '../log/index.ts'
import { partitionOf } from '../log/partition-of.ts'
import type { Clock } from '../partition/clock.ts'
import type { OwnLog } from '../stores.ts'

export interface AdoptionOptions {
  log: OwnLog
  store: CheckpointStore
  documents: DocumentStore
  partitions: number
  now(): number
  /** entries of a log that begins below the documents may go */
  acceptLoss?: boolean
}

/**
 * How far above what is known a new incarnation begins: room for a million entries that are in nothing that is left,
 * 5,000 s of the log at its fastest, of ordinary days far more.
 */
export const ABOVE = 1_000_000

/** A visit may be of a little later than it arrived, by whichever clock. */
const AHEAD_MS = 86_400_000

/** The field that says which partition a document is of: a key, or the number itself. */
const KEYS = {
  sessions: 'userId',
  'viewing-sessions': 'userId',
  'web-sessions': 'visitorId',
  'web-events': 'visitorId',
  statistics: 'partition',
  effects: 'partition',
} as const satisfies Partial<Record<Collection, string>>

/** Answers with the partitions that adopt from now on. To be called by who owns them, before they are claimed to be run. */
export async function adopt({
  log,
  store,
  documents,
  partitions,
  now,
  acceptLoss,
}: AdoptionOptions): Promise<number[]> {
  const all = Array.from({ length: partitions }, (_, p) => p)
  const incomplete = await Promise.all(all.map(p => isIncomplete(log, store, p)))
  if (!incomplete.includes(true)) return []
  const newest = await newestSeqs(documents, partitions)
  const adopting: number[] = []
  for (const partition of all.filter(p => incomplete[p])) {
    const known = newest.get(partition)
    if (known === undefined) continue
    const { first, last } = await log.bounds(partition)
    if (last < known) {
      if (first <= last && !acceptLoss) continue
      await log.renew(partition, known + ABOVE + 1)
    }
    const bounds = await log.bounds(partition)
    const claim = await store.claim(partition, randomUUID())
    const clock: Clock = { time: 0, epoch: 0, ahead: [], adopts: now() + AHEAD_MS }
    const puts = [{ space: 'aggregate' as const, names: ['clock'], value: clock }]
    // Up to there documents show what was applied, and it led to what it led to.
    const cut = Math.max(bounds.first - 1, known)
    await store.commit(claim, Math.min(cut, bounds.last), {
      incarnation: bounds.incarnation,
      mark: null,
      puts,
      removes: [],
    })
    adopting.push(partition)
  }
  return adopting
}

/** Whether nothing was ever committed of it, and its log does not bring everything back. */
async function isIncomplete(log: OwnLog, store: CheckpointStore, partition: number): Promise<boolean> {
  const kept = await store.peek(partition)
  if (kept && kept.incarnation !== null) return false
  const { first, last } = await log.bounds(partition)
  return first > 1 || last < 1
}

/** The highest seq of each partition that has documents. */
async function newestSeqs(documents: DocumentStore, partitions: number): Promise<Map<number, Seq>> {
  const newest = new Map<number, Seq>()
  for (const [collection, field] of Object.entries(KEYS)) {
    for await (const [key, seq] of documents.seqs(collection as Collection, field)) {
      const partition = typeof key === 'string' ? partitionOf(key, partitions) : Number(key)
      if (!(seq <= (newest.get(partition) ?? -1))) newest.set(partition, seq)
    }
  }
  return newest
}

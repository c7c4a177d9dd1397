/**
 * Adoption: partitions whose checkpoint is empty while there are documents from before go on above these. A visitor's
 * day comes from the documents into the state when the day is next needed (`machines/adoption.ts`).
 */
import type { VisitorRules } from '../../machines/day-rules.ts'
import type { CheckpointRecord, CheckpointStore } from '../checkpoint/index.ts'
import type { Collection, DocumentStore } from '../documents/index.ts'
import { isDamage } from '../errors.ts'
import type { Seq } from '../log/index.ts'
import { partitionOf } from '../log/partition-of.ts'
import { eachStep, type Steps, step } from '../observe/steps.ts'
import type { Works } from '../observe/work.ts'
import type { Clock } from '../partition/clock.ts'
import { always, rulesRecord } from '../partition/rules.ts'
import type { OwnLog } from '../stores.ts'
import type { Time } from '../time.ts'

export interface AdoptionOptions {
  log: OwnLog
  store: CheckpointStore
  documents: DocumentStore
  partitions: number
  time: Time
  /** Copies the checkpoint of a partition, for no log says what adoption put there. */
  keep?(partition: number): Promise<unknown>
  /** by which documents have days, where the log was made with others */
  rules?: VisitorRules | undefined
  /** entries of a log that begins below the documents may go */
  acceptLoss?: boolean
  /** hear how far it is */
  works?: Works | undefined
  steps?: Steps | undefined
}

/**
 * A new incarnation begins so many seqs above the highest that documents or a checkpoint show. Entries after that one
 * may have been applied before all trace of them was lost, and no seq of theirs may come again. Example: documents show
 * seq 4,200, so the log goes on with 1,004,201. A log at its fastest writes as many entries in 5,000 s.
 */
export const ABOVE = 1_000_000

/** A visit that arrived before the adoption may name a time that is so much later, by a clock that is ahead. */
const AHEAD_MS = 86_400_000

/** The field that says which partition a document is of: a key, or the number itself. */
export const KEYS = {
  sessions: 'userId',
  'viewing-sessions': 'userId',
  'web-sessions': 'visitorId',
  'web-events': 'visitorId',
  statistics: 'partition',
  effects: 'partition',
  actors: 'partition',
} as const satisfies Partial<Record<Collection, string>>

/** Answers with the partitions that adopt from now on. To be called by their owner, before they are claimed to be run. */
export async function adopt({
  log,
  store,
  documents,
  partitions,
  time,
  rules,
  acceptLoss,
  works,
  steps,
  keep,
}: AdoptionOptions): Promise<number[]> {
  const all = Array.from({ length: partitions }, (_, p) => p)
  const incomplete = await Promise.all(all.map(p => isIncomplete(log, store, p, steps)))
  if (!incomplete.includes(true)) return []
  let read = 0
  const end = works?.begin('adoption', 'documents', () => ({ done: read, total: null }))
  const newest = await newestSeqs(documents, partitions, () => read++, steps).finally(end)
  const adopting: number[] = []
  for (const partition of all.filter(p => incomplete[p])) {
    const known = newest.get(partition)
    if (known === undefined) continue
    const { first, last } = await step(steps, 'adopt.bounds', partition, () => log.bounds(partition))
    if (last < known) {
      if (first <= last && !acceptLoss) continue
      await step(steps, 'adopt.renew', partition, () => log.renew(partition, known + ABOVE + 1))
    }
    const bounds = await step(steps, 'adopt.renewed', partition, () => log.bounds(partition))
    const claim = await step(steps, 'adopt.claim', partition, () => store.claim(partition, time.id()))
    const clock: Clock = { time: 0, epoch: 0, adopts: time.now() + AHEAD_MS }
    const puts: CheckpointRecord[] = [{ space: 'aggregate', names: ['clock'], value: clock }]
    if (rules) puts.push(rulesRecord([always(rules)]))
    // Documents show that the entries up to there were applied, and their effects asked for.
    const cut = Math.max(bounds.first - 1, known)
    const delta = { incarnation: bounds.incarnation, mark: null, puts, removes: [] }
    await step(steps, 'adopt.commit', partition, () => store.commit(claim, Math.min(cut, bounds.last), delta))
    if (keep) await step(steps, 'adopt.keep', partition, () => keep(partition))
    adopting.push(partition)
  }
  return adopting
}

/** True if nothing of the partition was ever committed, and its log does not bring everything back. */
async function isIncomplete(log: OwnLog, store: CheckpointStore, partition: number, steps?: Steps): Promise<boolean> {
  const peeked = step(steps, 'adopt.peek', partition, () => store.peek(partition))
  const kept = await peeked.catch(error => {
    if (isDamage(error)) return undefined
    throw error
  })
  // A checkpoint that cannot be read is told of by its owner.
  if (kept === undefined || (kept && kept.incarnation !== null)) return false
  const { first, last } = await step(steps, 'adopt.look', partition, () => log.bounds(partition))
  return first > 1 || last < 1
}

/** The highest seq of each partition that has documents. */
async function newestSeqs(
  documents: DocumentStore,
  partitions: number,
  seen: () => void,
  steps?: Steps,
): Promise<Map<number, Seq>> {
  const newest = new Map<number, Seq>()
  for (const [collection, field] of Object.entries(KEYS)) {
    const seqs = eachStep(steps, 'adopt.seqs', collection, documents.seqs(collection as Collection, field))
    for await (const [key, seq] of seqs) {
      seen()
      const partition = typeof key === 'string' ? partitionOf(key, partitions) : Number(key)
      if (!(seq <= (newest.get(partition) ?? -1))) newest.set(partition, seq)
    }
  }
  return newest
}

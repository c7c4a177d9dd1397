import type { Event } from '../../actors/event.ts'
import { localDay } from '../../machines/local-day.ts'
import type { CheckpointStore, RecordKey } from '../checkpoint/index.ts'
import type { DocumentStore } from '../documents/index.ts'
import type { EventLog, Seq } from '../log/index.ts'
import { partitionOf } from '../log/partition-of.ts'
import type { Time } from '../time.ts'
import type { Processor } from './processor.ts'
import { removeStale } from './stale-documents.ts'

/** What is to be recomputed; asked for again under the same id it goes on. */
export interface RecomputationRequest {
  id: string
  /** ms; days from that of this time on */
  from: number
  /** null: all */
  visitors: readonly string[] | null
  /** rules that hold from then on, and the zone before them; null: those that hold */
  change: { zone: string; inactivityMs: number; formerZone: string } | null
}

export interface RecomputationProgress {
  visitors: number
  days: number
  /** days that were found so far */
  found: number
  isDone: boolean
}

export interface RecomputationParts {
  processor: Processor
  log: EventLog
  store: CheckpointStore
  documents: DocumentStore
  /** of all shards together */
  partitions: number
  time: Time
}

/** A visitor-day in the checkpoint, and how many chunks of visits it has. */
interface Kept {
  day: string
  chunks: number
}

interface Wanted {
  visitor: string
  day: string
  /** all of the visitor's, with the last of them */
  all: Kept[] | null
}

/** Visitor-days whose names are in memory at once; of more there are several rounds, each for a share of the visitors. */
const MOST_DAYS = 200_000
/** Bounds of what is asked for before it is waited for: days, and chunks of their visits, which are in memory then. */
const DAYS_AT_ONCE = 200
const CHUNKS_AT_ONCE = 40
/** A commit takes no longer, unless a server is away: then it is to be run again. */
const SETTLED_MS = 600_000
const [HOUR_MS, DAY_MS] = [3_600_000, 86_400_000]

/**
 * Has a partition's visitor-days made anew, each by an event of its own behind the one that changes the rules. Nothing
 * of it is remembered: run again it does the same once more.
 */
export class Recomputation {
  readonly progress: RecomputationProgress = { visitors: 0, days: 0, found: 0, isDone: false }
  /** rejects if it cannot go on */
  readonly ended: Promise<void>
  readonly #parts: RecomputationParts
  readonly #request: RecomputationRequest
  readonly #partition: number
  /** the earliest day that may hold visits of that time, in whatever zone */
  readonly #firstDay: string
  /** the first entry about each visitor of whom there is more to come */
  readonly #since = new Map<string, Seq>()

  constructor(parts: RecomputationParts, request: RecomputationRequest) {
    this.#parts = parts
    this.#request = request
    this.#partition = parts.processor.partition.claim.partition
    this.#firstDay = localDay(Math.max(0, request.from - DAY_MS), 'UTC')
    this.ended = this.#run()
    this.ended.catch(() => {})
  }

  async #run(): Promise<void> {
    const { change, from, visitors } = this.#request
    const { processor } = this.#parts
    if (change) {
      const { zone, inactivityMs } = change
      await this.#settled(await this.#append([{ kind: 'rules', key: '', from, zone, inactivityMs, visitors }]))
    } else await this.#settled(processor.replayUntil)
    for (let [shares, share] = [1, 0]; share < shares; share++) {
      const kept = await this.#keptOf(share, shares)
      if (kept) await this.#recompute(kept)
      else [shares, share] = [2 * shares, -1]
    }
    this.progress.isDone = true
  }

  /** The days of a share of the visitors; null if they are too many. */
  async #keptOf(share: number, shares: number): Promise<Map<string, Kept[]> | null> {
    const { processor, store, partitions } = this.#parts
    const { visitors } = this.#request
    const isOwn = (key: string): boolean =>
      partitionOf(key, partitions * shares) === this.#partition + partitions * share
    const under = (...names: string[]): RecordKey => ({ space: 'actor', names: ['visitor', ...names] })
    const keys = visitors ? visitors.filter(isOwn).map(key => under(key, 'day')) : [under()]
    const kept = new Map<string, Kept[]>()
    let count = 0
    for await (const { names, value } of store.load(processor.partition.claim, keys)) {
      const [, key, part, day, record] = names as [string, string, ...string[]]
      if (part !== 'day' || record !== undefined || day! < this.#firstDay || !isOwn(key)) continue
      const { chunks, isPartial } = value as { chunks: number; isPartial?: true }
      if (chunks === 0 || isPartial) continue
      kept.set(key, [...(kept.get(key) ?? []), { day: day!, chunks }])
      if (++count > MOST_DAYS && shares < MOST_DAYS) return null
    }
    this.progress.found += count
    return kept
  }

  async #recompute(kept: Map<string, Kept[]>): Promise<void> {
    let batch: Wanted[] = []
    let chunks = 0
    for (const [visitor, days] of kept) {
      days.sort((a, b) => (a.day < b.day ? -1 : 1))
      // Visits go to days that have let go of theirs, since a day has but so much room.
      if (this.#isToLaterDays) days.reverse()
      for (const [i, { day, chunks: more }] of days.entries()) {
        if (batch.length >= DAYS_AT_ONCE || (batch.length > 0 && chunks + more > CHUNKS_AT_ONCE)) {
          await this.#recomputeDays(batch)
          batch = []
          chunks = 0
        }
        batch.push({ visitor, day, all: i === days.length - 1 ? days : null })
        chunks += more
      }
    }
    if (batch.length > 0) await this.#recomputeDays(batch)
  }

  get #isToLaterDays(): boolean {
    const { change, from } = this.#request
    const hours = Array.from({ length: 24 }, (_, n) => from + n * HOUR_MS)
    return change !== null && hours.some(at => localDay(at, change.zone) > localDay(at, change.formerZone))
  }

  async #recomputeDays(batch: Wanted[]): Promise<void> {
    const { documents, processor } = this.#parts
    const seq = await this.#append(
      batch.map(({ visitor, day }) => ({ kind: 'visitor-day.recompute', key: visitor, day })),
    )
    await this.#settled(seq)
    const adopts = processor.partition.clock.adopts !== null
    for (const { visitor, all } of batch) {
      const since = this.#since.get(visitor) ?? seq
      this.#since.set(visitor, since)
      if (all === null) continue
      this.#since.delete(visitor)
      const days = adopts ? new Set(all.map(({ day }) => day)) : null
      await removeStale(documents, { visitorId: visitor, from: this.#firstDay, seq: since, days })
      this.progress.visitors++
    }
    this.progress.days += batch.length
  }

  #append(events: (Pick<Event, 'kind' | 'key'> & Record<string, unknown>)[]): Promise<Seq> {
    const { log, time } = this.#parts
    const at = time.now()
    const { id } = this.#request
    return log.append(
      this.#partition,
      events.map((event): Event => ({ ...event, id, at, arrival: at })),
    )
  }

  #settled(seq: Seq): Promise<void> {
    return this.#parts.processor.committer.settled(seq, SETTLED_MS)
  }
}

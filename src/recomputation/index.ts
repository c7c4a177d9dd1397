/**
 * Recomputation: the web sessions of a partition's visitors anew, from the visits that its checkpoint keeps. It finds out
 * which days there are and asks for each by an event; what a day is then, its actor says.
 */
import type { Event } from '../../actors/event.ts'
import { actorId } from '../../actors/index.ts'
import { localDay } from '../../machines/local-day.ts'
import type { CheckpointStore, RecordKey } from '../checkpoint/index.ts'
import type { Document, DocumentStore } from '../documents/index.ts'
import type { EventLog, Seq } from '../log/index.ts'
import { partitionOf } from '../log/partition-of.ts'
import { eachStep, type Steps, step } from '../observe/steps.ts'
import type { Processor } from '../partition/processor.ts'
import type { Time } from '../time.ts'
import { removeStale } from './stale-documents.ts'

/** A request to recompute; asked for again under the same id it goes on. */
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
  steps?: Steps | undefined
}

/** A visitor-day in the checkpoint, and how many chunks of visits it has. */
interface Kept {
  day: string
  chunks: number
}

/** A share of a partition's visitors, by their hash. */
interface Share {
  number: number
  of: number
}

interface Wanted {
  visitor: string
  day: string
  /** of the visitor's */
  isLast: boolean
}

type Facts = Pick<Event, 'kind' | 'key'> & Record<string, unknown>

const anew = (key: string, day: string): Facts => ({ kind: 'visitor-day.recompute', key, day })

/** Visitor-days whose names are in memory at once; of more there are several rounds, each for a share of the visitors. */
const MOST_DAYS = 200_000
const MOST_SHARES = 4_096
/** Records that are read before others have a turn. */
const READ_AT_ONCE = 1_000
/** Bounds of what is asked for before it is waited for: days, and chunks of their visits, which are in memory then. */
const DAYS_AT_ONCE = 200
const CHUNKS_AT_ONCE = 160
/** Visitors whose documents are looked at side by side. */
const LANES = 4
/** A commit takes no longer, unless a server is away: then it is to be run again. */
const SETTLED_MS = 600_000
/** A visit may name a time so much after its arrival, see `src/bridge/inputs.ts`. */
const AHEAD_MS = 60_000
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
  readonly #mostDays: number
  /** the earliest day that may hold visits of that time, in whatever zone */
  readonly #firstDay: string
  /** the first entry about each visitor of whom there is more to come */
  readonly #since = new Map<string, Seq>()

  constructor(parts: RecomputationParts, request: RecomputationRequest, mostDays = MOST_DAYS) {
    this.#parts = parts
    this.#mostDays = mostDays
    this.#request = request
    this.#partition = parts.processor.partition.claim.partition
    this.#firstDay = localDay(Math.max(0, request.from - DAY_MS), 'UTC')
    this.ended = this.#run()
    this.ended.catch(() => {})
  }

  async #run(): Promise<void> {
    const { change, from, visitors } = this.#request
    const { processor } = this.#parts
    await this.#settled(processor.replayUntil)
    // Before the rules change: visits may then go to days that must not be new where documents know them.
    if (processor.partition.clock.adopts !== null) await this.#adopt()
    if (change) {
      const { zone, inactivityMs } = change
      const othersFrom = this.#parts.time.now() + AHEAD_MS
      await this.#settled(
        await this.#append([{ kind: 'rules', key: '', from, zone, inactivityMs, visitors, othersFrom }]),
      )
    }
    const shares: Share[] = [{ number: 0, of: 1 }]
    for (let next = shares.pop(); next; next = shares.pop()) {
      const { number, of } = next
      const kept = await this.#keptOf(next)
      if (kept) await this.#recompute(kept)
      else shares.push({ number, of: 2 * of }, { number: number + of, of: 2 * of })
    }
    this.progress.isDone = true
  }

  /** Has the days come into the state that documents alone know. */
  async #adopt(): Promise<void> {
    const { documents, partitions, steps } = this.#parts
    const { visitors } = this.#request
    const isOwn = ({ visitorId }: Document): boolean =>
      typeof visitorId === 'string' && partitionOf(visitorId, partitions) === this.#partition
    for (let after = ''; ; ) {
      const filter = {
        day: { $gte: this.#firstDay },
        _id: { $gt: after },
        ...(visitors && { visitorId: { $in: visitors } }),
      }
      const query = { filter, sort: { _id: 1 }, limit: DAYS_AT_ONCE } as const
      const some = await step(steps, 'anew.adopt', filter, () => documents.find('web-sessions', query))
      const days = new Map(some.filter(isOwn).map(({ visitorId, day }) => [`${visitorId}\n${day}`, { visitorId, day }]))
      const events = [...days.values()].map(({ visitorId, day }) => anew(String(visitorId), String(day)))
      if (events.length > 0) await this.#settled(await this.#append(events))
      if (some.length < DAYS_AT_ONCE) return
      after = some.at(-1)!._id
    }
  }

  /** The days of a share of the visitors; null if they are too many. */
  async #keptOf({ number, of }: Share): Promise<Map<string, Kept[]> | null> {
    const { processor, store, partitions, time, steps } = this.#parts
    const { visitors } = this.#request
    const isOwn = (key: string): boolean => partitionOf(key, partitions * of) === this.#partition + partitions * number
    const under = (...names: string[]): RecordKey => ({ space: 'actor', names: ['visitor', ...names] })
    const keys = visitors ? visitors.filter(isOwn).map(key => under(key, 'day')) : [under()]
    const kept = new Map<string, Kept[]>()
    let count = 0
    let read = 0
    const { claim } = processor.partition
    for await (const { names, value } of eachStep(steps, 'anew.days', claim, store.load(claim, keys))) {
      if (++read % READ_AT_ONCE === 0) await time.turn()
      const [, key, part, day, record] = names as [string, string, ...string[]]
      if (part !== 'day' || record !== undefined || day! < this.#firstDay || !isOwn(key)) continue
      const { chunks, isPartial } = value as { chunks: number; isPartial?: true }
      if (chunks === 0 || isPartial) continue
      const days = kept.get(key) ?? []
      days.push({ day: day!, chunks })
      kept.set(key, days)
      if (++count > this.#mostDays && of < MOST_SHARES) return null
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
        batch.push({ visitor, day, isLast: i === days.length - 1 })
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
    const seq = await this.#append(batch.map(({ visitor, day }) => anew(visitor, day)))
    await this.#settled(seq)
    const ended: [visitor: string, since: Seq][] = []
    for (const { visitor, isLast } of batch) {
      const since = this.#since.get(visitor) ?? seq
      if (isLast) ended.push([visitor, since])
      if (isLast) this.#since.delete(visitor)
      else this.#since.set(visitor, since)
    }
    await Promise.all(Array.from({ length: LANES }, () => this.#removeStale(ended)))
    this.progress.days += batch.length
  }

  /** The last thing about a visitor. Nothing was written of one that is stuck, so all would seem stale. */
  async #removeStale(ended: [visitor: string, since: Seq][]): Promise<void> {
    const { documents, processor, steps } = this.#parts
    for (let next = ended.pop(); next; next = ended.pop()) {
      const [visitorId, seq] = next
      const isStuck = processor.partition.parking.has(actorId('visitor', visitorId))
      if (!isStuck) await removeStale(documents, { visitorId, from: this.#firstDay, seq }, steps)
      this.progress.visitors++
    }
  }

  #append(events: Facts[]): Promise<Seq> {
    const { log, time, steps } = this.#parts
    const at = time.now()
    const { id } = this.#request
    const all = events.map((event): Event => ({ ...event, id, at, arrival: at }))
    return step(steps, 'anew.ask', all, () => log.append(this.#partition, all))
  }

  #settled(seq: Seq): Promise<void> {
    return this.#parts.processor.committer.settled(seq, SETTLED_MS)
  }
}

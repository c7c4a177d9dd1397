import type { Copies } from '../../actors/index.ts'
import { FREEZE_MS } from '../audience/counters.ts'
import {
  type ActorSnapshot,
  type LiveContent,
  type LiveSets,
  LiveSetsLost,
  type SessionSnapshot,
  type StreamNews,
} from '../audience/index.ts'
import type { Collection, Document, DocumentStore } from '../documents/index.ts'
import { isCode } from '../errors.ts'
import type { Seq } from '../log/index.ts'
import type { Faults } from '../observe/index.ts'
import type { Meter } from '../observe/meter.ts'
import { silentServer } from '../observe/silence.ts'
import type { Cancel, Time } from '../time.ts'
import type { Cut } from './cut.ts'
import { Missed, News, type Written } from './live-news.ts'

export interface LiveCopiesOptions {
  partition: number
  /** the cut at which they begin: all up to there was for others to publish */
  cut: Seq
  live: LiveSets<null>
  documents: DocumentStore
  /** of all kinds of actor */
  copies: readonly Copies[]
  /** Tells of all who may be alive, as of the last commit or later. */
  presence(): AsyncIterable<LiveContent>
  /** Tells of all who attended, as of the last commit. */
  attendance(): AsyncIterable<LiveContent>
  /** whether an actor's key is of this partition */
  isOwn(key: string): boolean
  meter: Meter
  time: Time
  faults: Faults
}

const READ_AT_ONCE = 500
/** How soon it is seen that the live sets were lost while nothing happens. */
const CHECK_MS = 10_000

/** Keeps the live sets in step with one partition, behind its commits: whatever happens to them, it goes on. */
export class LiveCopies {
  readonly #options: LiveCopiesOptions
  #news = new News()
  #missed = new Missed()
  /** the cut up to which news came, and that up to which they went out, wherever to */
  #seq: Seq
  #sentUntil: Seq
  #working: Promise<void> | undefined
  /** what went wrong last and has not gone right since, if it was told */
  #told: unknown
  readonly #copiesOf: ReadonlyMap<string, Copies>

  constructor(options: LiveCopiesOptions) {
    this.#options = options
    this.#seq = options.cut
    this.#sentUntil = options.cut
    this.#copiesOf = new Map(options.copies.map(copies => [copies.collection, copies]))
  }

  /** Takes what a commit changed; it is published soon. */
  add(cut: Cut): void {
    this.#seq = cut.seq
    this.#news.addPresent(cut)
    if (this.#options.live.isShared) this.#news.addViewers(cut)
    this.addWrites(cut)
    this.#work(() => this.#publish())
  }

  /** Takes what a commit wrote, to be published with the next news. */
  addWrites(cut: Pick<Cut, 'seq' | 'writes'>): void {
    if (this.#options.live.isShared) this.#news.addWrites(cut, this.#copiesOf)
  }

  /** Looks now and then whether the sets were lost, until that is ended. */
  checks(): Cancel {
    return this.#options.time.every(CHECK_MS, () => this.check())
  }

  /** Rebuilds the sets if they were lost, which a partition without news does not meet. */
  check(): void {
    const { live, partition } = this.#options
    this.#work(async () => {
      if (!(await live.isCurrent(partition))) await this.#rebuild({}, this.#sentUntil)
    })
  }

  /** Resolves when nothing is under way. */
  async published(): Promise<void> {
    while (this.#working) await this.#working
  }

  /** Works on one thing at a time; news that come meanwhile are for the next. */
  #work(work: () => Promise<void>): void {
    this.#working ??= work()
      .then(() => {
        this.#told = undefined
      })
      .catch(error => this.#tell(error))
      .finally(() => {
        this.#working = undefined
        if (this.#seq > this.#sentUntil || !this.#news.isEmpty) this.#work(() => this.#publish())
      })
  }

  /** Tells a refusal once until all goes right again; of silences the log keeps the count. */
  #tell(error: Error & { code?: unknown }): void {
    // A rebuild that the end came between is for the next owner.
    if (isCode(error, 'RC_CLOSING')) return
    const what = silentServer(error) === null ? (error.code ?? error.message) : undefined
    if (what === undefined || what !== this.#told) this.#options.faults.report('live sets', error)
    this.#told = what
  }

  async #publish(): Promise<void> {
    const { live, partition } = this.#options
    const news = this.#news
    const cuts = { from: this.#sentUntil, to: this.#seq }
    this.#news = new News()
    this.#sentUntil = cuts.to
    try {
      const { present, attended = [], ...other } = await this.#contentOf(news)
      await live.publish(partition, present, attended, other, cuts).catch(async error => {
        if (!(error instanceof LiveSetsLost)) throw error
        await this.#rebuild({ present, attended, ...other }, cuts.from)
      })
    } catch (error) {
      this.#missed.add(news)
      throw error
    }
  }

  async #contentOf({ present, heard, attended, streams, viewing, actors, written }: News) {
    const now = this.#options.time.now()
    return {
      ...{ present: [...present.values(), ...heard], attended, viewing: [...viewing.values()] },
      streams: Array.from(streams, ([stream, arrival]): StreamNews => [stream, arrival + FREEZE_MS - now]).filter(
        ([, left]) => left > 0,
      ),
      actors: Array.from(actors, ([id, document]) => ({ id, document })),
      snapshots: await this.#snapshotsOf(written),
    } satisfies LiveContent
  }

  /** Tells the sets all that is known of before, and the news, which are of the cuts after `from`. */
  async #rebuild(news: LiveContent, from: Seq): Promise<void> {
    const { live, partition, meter } = this.#options
    const isHeld = await live.holds(partition, from)
    await live.rebuild(partition, this.#everything(isHeld, news), this.#sentUntil)
    this.#missed = new Missed()
    meter.count('rollcall_live_sets_rebuilt_total').n++
  }

  async *#everything(isHeld: boolean, news: LiveContent): AsyncGenerator<LiveContent> {
    const { live, documents, copies, presence, attendance, isOwn } = this.#options
    const { viewing, actors, written } = this.#missed
    yield* presence()
    if (!live.isShared) {
      yield news
      return
    }
    yield { viewing: [...viewing.values()] }
    for (const { collection, current, keyOf, shown } of copies) {
      const found = await documents.find(collection as Collection, { filter: current })
      const own = found.filter(document => isOwn(keyOf(document)))
      yield { snapshots: own.map(document => snapshotOf(shown, document, this.#sentUntil)) }
    }
    yield { snapshots: await this.#snapshotsOf(written) }
    const ids = [...actors]
    for (let i = 0; i < ids.length; i += READ_AT_ONCE)
      yield { actors: await this.#actors(ids.slice(i, i + READ_AT_ONCE)) }
    if (!isHeld) yield* attendance()
    yield news
  }

  async #actors(ids: string[]): Promise<ActorSnapshot[]> {
    const found = await this.#options.documents.find('actors', { filter: { _id: { $in: ids } } })
    return found.map(({ _id, ...document }) => ({ id: _id, document }))
  }

  async #snapshotsOf(written: Written): Promise<SessionSnapshot[]> {
    const all = [...written].flatMap(([copies, ids]) => [...ids].map(([id, seq]) => ({ copies, id, seq })))
    const found = all.map(async ({ copies: { collection, shown }, id, seq }) => {
      const document = await this.#options.documents.get(collection as Collection, id)
      return document ? [snapshotOf(shown, document, seq)] : []
    })
    return (await Promise.all(found)).flat()
  }
}

const snapshotOf = (shown: Copies['shown'], document: Document, seq: Seq): SessionSnapshot => ({
  ...{ key: document._id, seq, json: JSON.stringify(shown(document)) },
})

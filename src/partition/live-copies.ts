import type { Copies } from '../../actors/index.ts'
import { Sweep } from '../audience/alive.ts'
import {
  type LiveContent,
  type LiveSets,
  LiveSetsLost,
  type SessionSnapshot,
  type ViewerPresence,
  type ViewingSession,
} from '../audience/index.ts'
import type { Collection, Document, DocumentStore } from '../documents/index.ts'
import type { Seq } from '../log/index.ts'
import type { Faults } from '../observe/index.ts'
import type { Time } from '../time.ts'
import type { Cut } from './cut.ts'

export interface LiveCopiesOptions {
  partition: number
  live: LiveSets<null>
  documents: DocumentStore
  /** of all kinds of actor */
  copies: readonly Copies[]
  /** whether an actor's key is of this partition */
  isOwn(key: string): boolean
  time: Time
  faults: Faults
}

/** News that are not published yet. */
interface News {
  present: Map<string, ViewerPresence>
  attended: [stream: string, userId: string][]
  viewing: Map<string, ViewingSession>
  /** ids of documents of which a snapshot is due, by their collection */
  written: Map<Copies, Map<string, Seq>>
}

const nothing = (): News => ({ present: new Map(), attended: [], viewing: new Map(), written: new Map() })

/** Keeps the live sets in step with one partition, behind its commits: whatever happens to them, it goes on. */
export class LiveCopies {
  readonly #options: LiveCopiesOptions
  /** everybody who may be alive, for a rebuild */
  readonly #present = new Map<string, ViewerPresence>()
  #news = nothing()
  #seq: Seq = 0
  readonly #sweep: Sweep
  #working: Promise<void> | undefined
  readonly #copiesOf: ReadonlyMap<string, Copies>

  constructor(options: LiveCopiesOptions) {
    this.#options = options
    this.#sweep = new Sweep(options.time)
    this.#copiesOf = new Map(options.copies.map(copies => [copies.collection, copies]))
  }

  /** Takes what a commit changed; it is published soon. */
  add({ seq, news, writes }: Cut): void {
    this.#seq = seq
    for (const [userId, presence] of news.present) {
      const beat = { userId, ...presence }
      this.#present.set(userId, beat)
      this.#news.present.set(userId, beat)
      this.#sweep.beat(presence.at)
    }
    this.#news.attended.push(...news.attended)
    for (const { collection, id, set } of writes) {
      const copies = this.#copiesOf.get(collection)
      if (copies?.viewing && set) {
        const run = copies.viewing(set)
        if (run.end >= (this.#news.viewing.get(run.userId)?.end ?? 0)) this.#news.viewing.set(run.userId, run)
      }
      if (copies?.snapshot) this.#news.written.set(copies, (this.#news.written.get(copies) ?? new Map()).set(id, seq))
    }
    const before = this.#sweep.due()
    if (before !== undefined)
      for (const [userId, { at }] of this.#present) if (at < before) this.#present.delete(userId)
    this.#work(() => this.#publish())
  }

  /** Rebuilds the sets if they were lost, which a partition without news does not meet. */
  check(): void {
    const { live, partition } = this.#options
    this.#work(async () => {
      if (!(await live.isCurrent(partition))) await this.#rebuild()
    })
  }

  /** Resolves when nothing is under way. */
  async published(): Promise<void> {
    await this.#working
  }

  /** Works on one thing at a time; news that come meanwhile are for the next. */
  #work(work: () => Promise<void>): void {
    this.#working ??= work()
      .catch(error => this.#options.faults.report('live sets', error))
      .finally(() => {
        this.#working = undefined
        const { present, attended, viewing, written } = this.#news
        if (present.size + attended.length + viewing.size + written.size > 0) this.#work(() => this.#publish())
      })
  }

  async #publish(): Promise<void> {
    const { live, partition } = this.#options
    const { present, attended, viewing, written } = this.#news
    this.#news = nothing()
    const other = { viewing: [...viewing.values()], snapshots: await this.#snapshotsOf(written) }
    try {
      await live.publish(partition, [...present.values()], attended, other)
    } catch (error) {
      if (!(error instanceof LiveSetsLost)) throw error
      await this.#rebuild({ attended, ...other })
    }
  }

  /** Tells the sets all that is known of before, and the news. */
  async #rebuild(news: LiveContent = {}): Promise<void> {
    const { live, partition, documents, isOwn } = this.#options
    const seq = this.#seq
    const snapshots: SessionSnapshot[] = []
    for (const { collection, snapshot } of this.#options.copies) {
      if (!snapshot) continue
      const current = await documents.find(collection as Collection, { filter: snapshot.current })
      const own = current.filter(document => isOwn(snapshot.keyOf(document)))
      snapshots.push(...own.map(document => snapshotOf(snapshot, document, seq)))
    }
    await live.rebuild(partition, [{ present: [...this.#present.values()], snapshots }, news])
  }

  async #snapshotsOf(written: News['written']): Promise<SessionSnapshot[]> {
    const all = [...written].flatMap(([copies, ids]) => [...ids].map(([id, seq]) => ({ copies, id, seq })))
    const found = all.map(async ({ copies: { collection, snapshot }, id, seq }) => {
      const document = await this.#options.documents.get(collection as Collection, id)
      return document ? [snapshotOf(snapshot!, document, seq)] : []
    })
    return (await Promise.all(found)).flat()
  }
}

const snapshotOf = ({ shown }: NonNullable<Copies['snapshot']>, document: Document, seq: Seq): SessionSnapshot => ({
  ...{ key: document._id, seq, json: JSON.stringify(shown(document)) },
})

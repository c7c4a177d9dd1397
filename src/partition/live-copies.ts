import { ALIVE_MS } from '../../machines/viewer.ts'
import {
  type LiveContent,
  type LiveSets,
  LiveSetsLost,
  type SessionSnapshot,
  type ViewerPresence,
  type ViewingSession,
} from '../audience/index.ts'
import { sessionOf } from '../documents/answered.ts'
import type { Document, DocumentStore } from '../documents/index.ts'
import type { Seq } from '../log/index.ts'
import type { Cut } from './cut.ts'

export interface LiveCopiesOptions {
  partition: number
  live: LiveSets<null>
  documents: DocumentStore
  /** whether a user is of this partition */
  isOwn(userId: string): boolean
  now(): number
  failed(step: string, error: unknown): void
}

/** What is not published yet. */
interface News {
  present: Map<string, ViewerPresence>
  attended: [stream: string, userId: string][]
  viewing: Map<string, ViewingSession>
  sessions: Map<string, Seq>
}

const nothing = (): News => ({ present: new Map(), attended: [], viewing: new Map(), sessions: new Map() })

/** Keeps the live sets in step with one partition, behind its commits: whatever happens to them, it goes on. */
export class LiveCopies {
  readonly #options: LiveCopiesOptions
  /** everybody who may be alive, for a rebuild */
  readonly #present = new Map<string, ViewerPresence>()
  #news = nothing()
  #newest = 0
  #seq: Seq = 0
  #sweptAt = 0
  #working: Promise<void> | undefined

  constructor(options: LiveCopiesOptions) {
    this.#options = options
  }

  /** Takes what a commit changed; it is published soon. */
  add({ seq, news, writes }: Cut): void {
    this.#seq = seq
    for (const [userId, presence] of news.present) {
      const beat = { userId, ...presence }
      this.#present.set(userId, beat)
      this.#news.present.set(userId, beat)
      this.#newest = Math.max(this.#newest, presence.at)
    }
    this.#news.attended.push(...news.attended)
    for (const { collection, id, set } of writes) {
      if (collection === 'viewing-sessions' && set) {
        const { userId, start, end } = set as unknown as ViewingSession
        if (end >= (this.#news.viewing.get(userId)?.end ?? 0)) this.#news.viewing.set(userId, { userId, start, end })
      } else if (collection === 'sessions') this.#news.sessions.set(id, seq)
    }
    this.#sweep()
    this.#work(() => this.#publish())
  }

  /** Rebuilds the sets if they were lost, which a partition without news does not meet. */
  check(): void {
    const { live, partition } = this.#options
    this.#work(async () => {
      if (!(await live.isCurrent(partition))) await this.#rebuild()
    })
  }

  async settled(): Promise<void> {
    await this.#working
  }

  /** One thing at a time; what comes meanwhile is in the news of the next. */
  #work(work: () => Promise<void>): void {
    this.#working ??= work()
      .catch(error => this.#options.failed('live sets', error))
      .finally(() => {
        this.#working = undefined
        const { present, attended, viewing, sessions } = this.#news
        if (present.size + attended.length + viewing.size + sessions.size > 0) this.#work(() => this.#publish())
      })
  }

  async #publish(): Promise<void> {
    const { live, partition } = this.#options
    const { present, attended, viewing, sessions } = this.#news
    this.#news = nothing()
    const other = { viewing: [...viewing.values()], snapshots: await this.#snapshotsOf(sessions) }
    try {
      await live.publish(partition, [...present.values()], attended, other)
    } catch (error) {
      if (!(error instanceof LiveSetsLost)) throw error
      await this.#rebuild({ attended, ...other })
    }
  }

  /** With all that is known of before, and the news. */
  async #rebuild(news: LiveContent = {}): Promise<void> {
    const { live, partition, documents, isOwn } = this.#options
    const seq = this.#seq
    const active = await documents.find('sessions', { filter: { active: true } })
    const own = active.filter(({ userId }) => isOwn(String(userId)))
    const snapshots = own.map(session => snapshotOf(session, seq))
    await live.rebuild(partition, [{ present: [...this.#present.values()], snapshots }, news])
  }

  async #snapshotsOf(sessions: Map<string, Seq>): Promise<SessionSnapshot[]> {
    const { documents } = this.#options
    const found = await Promise.all(
      [...sessions].map(async ([id, seq]) => ({ seq, session: await documents.get('sessions', id) })),
    )
    return found.flatMap(({ seq, session }) => (session ? [snapshotOf(session, seq)] : []))
  }

  #sweep(): void {
    // A beat may be ahead of the clock.
    const newest = Math.min(this.#newest, this.#options.now())
    if (newest < this.#sweptAt + ALIVE_MS) return
    this.#sweptAt = newest
    for (const [userId, { at }] of this.#present) if (at < newest - ALIVE_MS) this.#present.delete(userId)
  }
}

const snapshotOf = (session: Document, seq: Seq): SessionSnapshot => ({
  ...{ key: session._id, seq, json: JSON.stringify(sessionOf(session)) },
})

import type { Copies } from '../../actors/index.ts'
import type { ActorSnapshot, Attended, ViewerPresence, ViewingSession } from '../audience/index.ts'
import type { Seq } from '../log/index.ts'
import type { Cut } from './cut.ts'

type Fields = ActorSnapshot['document']

/** Ids of documents of which copies are due, with the cut of the last write, by their collection. */
export type Written = Map<Copies, Map<string, Seq>>

/** After something could not be published so much of a kind is remembered, to be told once it can be. */
const MOST_MISSED = 10_000

/** News that are not published yet. */
export class News {
  present = new Map<string, ViewerPresence>()
  heard: readonly ViewerPresence[] = []
  readonly attended: Attended[] = []
  /** with the last arrival on each */
  readonly streams = new Map<string, number>()
  readonly viewing = new Map<string, ViewingSession>()
  readonly actors = new Map<string, Fields>()
  readonly written: Written = new Map()

  get isEmpty(): boolean {
    const { present, heard, attended, streams, viewing, actors, written } = this
    return (
      present.size + heard.length + attended.length + streams.size + viewing.size + actors.size + written.size === 0
    )
  }

  /** Takes who is alive. */
  addPresent({ news }: Pick<Cut, 'news'>): void {
    // A viewer that left memory and came back is another object, and the last one counts.
    this.heard = this.heard.length === 0 ? news.heard : latestOf([...this.heard, ...news.heard])
    if (this.present.size === 0) this.present = news.present
    else for (const [userId, presence] of news.present) this.present.set(userId, presence)
  }

  /** Takes who attended and watched. */
  addViewers({ news, changed }: Pick<Cut, 'news' | 'changed'>): void {
    for (const each of news.attended) this.attended.push(each)
    for (const [stream, lastArrival] of news.streams) this.streams.set(stream, lastArrival)
    for (const { kind, key, kept } of changed) {
      const run = kind.viewing?.(kept)
      if (run) this.viewing.set(key, { userId: key, start: run.start, end: run.end })
    }
  }

  /** Takes what was written of documents. */
  addWrites({ seq, writes }: Pick<Cut, 'seq' | 'writes'>, copiesOf: ReadonlyMap<string, Copies>): void {
    for (const { collection, id, set } of writes) {
      if (collection === 'actors' && set) this.actors.set(id, set)
      const copies = copiesOf.get(collection)
      if (copies) this.written.set(copies, (this.written.get(copies) ?? new Map()).set(id, seq))
    }
  }
}

const latestOf = (presences: ViewerPresence[]): ViewerPresence[] => [
  ...new Map(presences.map(presence => [presence.userId, presence])).values(),
]

/** News that could not be published and that the partition's present state does not tell by itself. */
export class Missed {
  readonly viewing = new Map<string, ViewingSession>()
  /** ids of their documents */
  readonly actors = new Set<string>()
  readonly written: Written = new Map()

  add({ viewing, actors, written }: News): void {
    for (const [userId, run] of viewing) {
      if (this.viewing.size < MOST_MISSED || this.viewing.has(userId)) this.viewing.set(userId, run)
    }
    for (const id of actors.keys()) if (this.actors.size < MOST_MISSED) this.actors.add(id)
    for (const [copies, ids] of written) {
      const known = this.written.get(copies) ?? new Map<string, Seq>()
      for (const [id, seq] of ids) if (known.size < MOST_MISSED || known.has(id)) known.set(id, seq)
      this.written.set(copies, known)
    }
  }
}

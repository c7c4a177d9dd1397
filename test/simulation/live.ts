import { type LiveContent, type LiveSets, LiveSetsLost, type ViewerPresence } from '../../src/audience/index.ts'
import type { Seq } from '../../src/log/index.ts'

/** Sets that outlive processes, as Redis holds them. All of it may be gone at any moment. */
export class LiveModel {
  readonly #partitions: number
  /** true: while it is there all else is whole */
  isWhole = false
  /** by partition: who may write */
  readonly writers = new Map<number, string>()
  readonly finished = new Set<number>()
  /** by partition: the cut up to which all who attended are here */
  readonly held = new Map<number, Seq>()
  readonly newest = new Map<string, ViewerPresence>()
  /** by stream, null: all */
  readonly attended = new Map<string | null, Set<string>>()

  constructor(partitions: number) {
    this.#partitions = partitions
  }

  flush(): void {
    this.isWhole = false
    for (const each of [this.writers, this.finished, this.held, this.newest, this.attended]) each.clear()
  }

  begin(partition: number, writer: string): void {
    if (this.writers.size === 0) this.flush()
    this.writers.set(partition, writer)
    this.finished.delete(partition)
    this.isWhole = false
  }

  finish(partition: number, cut: Seq | undefined): void {
    this.finished.add(partition)
    if (cut !== undefined) this.held.set(partition, cut)
    this.isWhole = this.finished.size === this.#partitions
  }

  /** Throws unless what the writer published before is all here. */
  mustBeHeld(partition: number, writer: string): void {
    if (this.writers.get(partition) !== writer) throw new LiveSetsLost(partition)
  }

  take({ present = [], attended = [] }: LiveContent): void {
    for (const beat of present) {
      const known = this.newest.get(beat.userId)
      if (known === undefined || known.at < beat.at) this.newest.set(beat.userId, beat)
    }
    for (const [stream, userId] of attended) {
      const users = this.attended.get(stream) ?? new Set()
      this.attended.set(stream, users.add(userId))
    }
  }

  alive(since: number, stream?: string): string[] {
    const isAlive = ({ at, stream: on }: ViewerPresence): boolean =>
      at >= since && (stream === undefined || on === stream)
    return Array.from(this.newest.values())
      .filter(isAlive)
      .map(({ userId }) => userId)
      .sort()
  }
}

/** The sets as one life reaches them, each of its calls apart. */
export function liveSets(
  model: LiveModel,
  nextId: () => string,
  reach: <T>(work: () => T) => Promise<T>,
): LiveSets<null> {
  const writers = new Map<number, string>()

  const written = async (partition: number, writer: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      if (writers.get(partition) === writer) writers.delete(partition)
      throw error
    }
  }
  const put = (partition: number, writer: string, content: LiveContent): Promise<void> =>
    reach(() => {
      model.mustBeHeld(partition, writer)
      model.take(content)
    })

  return {
    isShared: true,
    async publish(partition, present, attended, _other, cuts) {
      const writer = writers.get(partition)
      if (writer === undefined) throw new LiveSetsLost(partition)
      await written(partition, writer, async () => {
        await put(partition, writer, { present })
        await put(partition, writer, { attended })
        if (!cuts) return
        await reach(() => {
          model.mustBeHeld(partition, writer)
          if (model.held.get(partition) !== cuts.from) throw new LiveSetsLost(partition)
          model.held.set(partition, cuts.to)
        })
      })
    },
    async rebuild(partition, source, cut) {
      const writer = nextId()
      writers.set(partition, writer)
      await written(partition, writer, async () => {
        await reach(() => model.begin(partition, writer))
        for await (const content of source) await put(partition, writer, content)
        if (writers.get(partition) !== writer) throw new LiveSetsLost(partition)
        await reach(() => {
          model.mustBeHeld(partition, writer)
          model.finish(partition, cut)
        })
      })
    },
    holds: (partition, cut) => reach(() => model.held.get(partition) === cut),
    async isCurrent(partition) {
      const writer = writers.get(partition)
      if (writer === undefined) return false
      return reach(() => model.writers.get(partition) === writer && model.finished.has(partition))
    },
    alive: (since, stream) => reach(() => (model.isWhole ? model.alive(since, stream) : null)),
    async close() {},
  }
}

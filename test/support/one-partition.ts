import type { Event } from '../../actors/event.ts'
import type { ActorKind, Rules } from '../../actors/index.ts'
import { KINDS } from '../../actors/kinds.ts'
import { memoryCheckpoints } from '../../src/checkpoint/memory.ts'
import type { DocumentStore } from '../../src/documents/index.ts'
import { memoryDocuments } from '../../src/documents/memory.ts'
import type { Effect } from '../../src/effects/index.ts'
import { encode, entryOf } from '../../src/log/entries.ts'
import { Committer } from '../../src/partition/committer.ts'
import type { Cut } from '../../src/partition/cut.ts'
import { Partition } from '../../src/partition/partition.ts'
import type { DocumentWrite, Told } from '../../src/partition/projections.ts'
import { recover } from '../../src/partition/recovery.ts'
import { INCARNATION } from './checkpoint-records.ts'
import { ManualTime, toldFaults } from './time.ts'

export const NOON = Date.UTC(2026, 0, 1, 12)
export const MINUTE = 60_000

const RULES = { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }

export const tick = (at: number, epoch = 0): Event => ({ kind: 'tick', key: '', id: '', at, arrival: at, epoch })

interface Life {
  kinds: readonly ActorKind[]
  documents: DocumentStore
  /** kinds whose snapshots are documents */
  snapshots: readonly string[]
  rules: Partial<Rules>
  /** whether entries are as the embedded log gives them, with rows */
  hasRows: boolean
}

/** A partition over a checkpoint in memory, with all it ever asked for and wrote. */
export class OnePartition {
  readonly store = memoryCheckpoints()
  readonly effects: Effect[] = []
  readonly writes: DocumentWrite[] = []
  readonly told: Told[] = []
  /** who was heard, when and on which stream, as the news of the commits say */
  readonly heard = new Map<string, [at: number, stream: string | null]>()
  /** how many of the last commit's actors have nothing new but a pulse */
  pulsed = 0
  /** actors that were changed by the last commit */
  changed: Cut['changed'] = []
  readonly #life: Life & { rules: Rules }
  partition!: Partition
  #committer!: Committer

  private constructor({
    kinds = KINDS,
    documents = memoryDocuments({ time: new ManualTime() }),
    ...rest
  }: Partial<Life>) {
    this.#life = {
      kinds,
      documents,
      snapshots: rest.snapshots ?? [],
      rules: { ...RULES, ...rest.rules },
      hasRows: rest.hasRows ?? false,
    }
  }

  static async claim(life: Partial<Life> = {}): Promise<OnePartition> {
    const one = new OnePartition(life)
    await one.restart()
    return one
  }

  /** A partition without a past of its own, whose log begins after `cut`, where documents are from before. */
  static async adopting(
    cut: number,
    { until = Date.UTC(2999, 0), ...life }: Partial<Life> & { until?: number } = {},
  ): Promise<OnePartition> {
    const one = new OnePartition(life)
    const clock = { time: 0, epoch: 0, adopts: until }
    const puts = [{ space: 'aggregate' as const, names: ['clock'], value: clock }]
    await one.store.commit(await one.store.claim(0, 'test'), cut, {
      incarnation: INCARNATION,
      mark: null,
      puts,
      removes: [],
    })
    await one.restart()
    return one
  }

  async restart(): Promise<void> {
    const { kinds, documents, snapshots, rules } = this.#life
    const partition = new Partition(await this.store.claim(0, 'test'), kinds, rules, this.store, snapshots)
    await recover(partition, this.store)
    this.partition = partition
    this.#committer = new Committer({
      ...{ partition, incarnation: INCARNATION, store: this.store, documents, flushMs: 1_000 },
      ...{ time: new ManualTime(), faults: toldFaults() },
      committed: ({ effects, writes, told, changed, delta, news }) => {
        for (const [key, { at, stream }] of news.present) this.heard.set(key, [at, stream])
        this.pulsed = changed.length - delta.puts.filter(({ space }) => space === 'actor').length
        this.told.push(...told)
        this.effects.push(...effects)
        this.writes.push(...writes)
        this.changed = changed
      },
      fatal(error) {
        throw error
      },
    })
  }

  /** Applies each event as an entry and commits it; one that depends on those before is made when they are applied. */
  async apply(...events: (Event | (() => Event))[]): Promise<void> {
    for (const event of events) await this.#apply([[typeof event === 'function' ? event() : event]])
  }

  /** Applies entries that are read at once, and commits them at once. */
  applyTogether(...entries: Event[][]): Promise<void> {
    return this.#apply(entries)
  }

  async #apply(batches: Event[][]): Promise<void> {
    const { partition } = this
    const entries = batches.map((events, i) => {
      const seq = partition.applied + 1 + i
      return this.#life.hasRows ? entryOf(0, seq, encode(events)) : { seq, events }
    })
    await partition.prepare(entries)
    for (const entry of entries) partition.apply(entry)
    await this.#committer.catchUp()
    partition.evict(0)
  }

  async view(kind: string, key: string): Promise<{ value: unknown; context: { [name: string]: unknown } }> {
    return (await this.partition.view(kind, key)) as { value: unknown; context: { [name: string]: unknown } }
  }

  /** Kinds of all effects so far. */
  get said(): string[] {
    return this.effects.map(({ kind }) => kind)
  }
}

import type { Event } from '../../actors/event.ts'
import type { ActorKind } from '../../actors/index.ts'
import { KINDS } from '../../actors/kinds.ts'
import { memoryCheckpoints } from '../../src/checkpoint/memory.ts'
import type { Effect } from '../../src/effects/index.ts'
import { Partition } from '../../src/partition/partition.ts'
import type { DocumentWrite } from '../../src/partition/projections.ts'
import { recover } from '../../src/partition/recovery.ts'
import { INCARNATION } from './checkpoint-records.ts'

export const NOON = Date.UTC(2026, 0, 1, 12)
export const MINUTE = 60_000

const rules = { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }

export const tick = (at: number, epoch = 0): Event => ({ kind: 'tick', key: '', id: '', at, arrival: at, epoch })

/** A partition over a checkpoint in memory, with all it ever asked for and wrote. */
export class OnePartition {
  readonly store = memoryCheckpoints()
  readonly effects: Effect[] = []
  readonly writes: DocumentWrite[] = []
  readonly kinds: readonly ActorKind[]
  partition!: Partition

  private constructor(kinds: readonly ActorKind[]) {
    this.kinds = kinds
  }

  static async claim(kinds = KINDS): Promise<OnePartition> {
    const one = new OnePartition(kinds)
    await one.restart()
    return one
  }

  /** One without a past of its own, whose log begins after `cut`, where documents are from before. */
  static async adopting(cut: number, until = Date.UTC(2999, 0)): Promise<OnePartition> {
    const one = new OnePartition(KINDS)
    const clock = { time: 0, epoch: 0, ahead: [], adopts: until }
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
    this.partition = new Partition(await this.store.claim(0, 'test'), this.kinds, rules, this.store)
    await recover(this.partition, this.store)
  }

  /** Applies each event as an entry and commits it; one that depends on those before is made when they are applied. */
  async apply(...events: (Event | (() => Event))[]): Promise<void> {
    const { partition } = this
    for (const event of events) {
      const entry = { seq: partition.applied + 1, events: [typeof event === 'function' ? event() : event] }
      await partition.prepare([entry])
      partition.apply(entry)
      const cut = partition.take()
      await this.store.commit(partition.claim, cut.seq, { incarnation: INCARNATION, ...cut.delta })
      this.effects.push(...cut.effects)
      this.writes.push(...cut.writes)
      partition.evict(0)
    }
  }

  async view(kind: string, key: string): Promise<{ value: unknown; context: { [name: string]: unknown } }> {
    return (await this.partition.view(kind, key)) as { value: unknown; context: { [name: string]: unknown } }
  }

  /** Kinds of all effects so far. */
  get said(): string[] {
    return this.effects.map(({ kind }) => kind)
  }
}

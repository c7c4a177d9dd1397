import { join } from 'node:path'
import type { Rules } from '../../actors/index.ts'
import { KINDS } from '../../actors/kinds.ts'
import { openCheckpoints } from '../checkpoint/embedded/index.ts'
import type { CheckpointRecord, CheckpointStore, Claim, RecordKey, Space } from '../checkpoint/index.ts'
import { idOf } from '../checkpoint/record-id.ts'
import { openDocuments } from '../documents/embedded.ts'
import type { DocumentStore } from '../documents/index.ts'
import { type DocumentPeek, peekAtDocuments } from '../documents/peek.ts'
import type { Effect } from '../effects/index.ts'
import type { Entry, Seq } from '../log/index.ts'
import type { Cut } from '../partition/cut.ts'
import { Partition } from '../partition/partition.ts'
import { project } from '../partition/projections.ts'
import { recover } from '../partition/recovery.ts'
import { ActorRecords } from './actor-records.ts'

/** Events that are applied between two commits: so many changes are in memory. */
const EVENTS_A_COMMIT = 20_000
/** The machines alone, without the pulses that an owner keeps beside them. */
const WHOLE = KINDS.map(({ pulse: _, ...kind }) => kind)
const SPACES: readonly Space[] = ['actor', 'deadline', 'aggregate', 'outbox', 'parked']

/** Where derived partitions lie: a folder that is nobody else's, so that they need not fit into memory. */
export class Scratch {
  readonly store: CheckpointStore
  readonly documents: DocumentStore
  readonly peek: DocumentPeek
  readonly actors: ActorRecords

  constructor(folder: string) {
    const path = join(folder, 'state')
    this.store = openCheckpoints(path)
    this.documents = openDocuments({ path })
    this.peek = peekAtDocuments(path, { readOnly: false })
    this.actors = new ActorRecords(folder)
  }

  async close(): Promise<void> {
    await Promise.all([this.store.close(), this.documents.close(), this.peek.close(), this.actors.close()])
  }
}

export interface DerivationOptions {
  scratch: Scratch
  partition: number
  rules: Rules
  snapshots: readonly string[]
  /** hears of effects that are asked for */
  asked?(effects: readonly Effect[]): void
}

/** A partition as its log makes it, from where it was left before: by the rules, and with the code, of its owner. */
export class Derivation {
  readonly #options: DerivationOptions
  readonly #partition: Partition
  #events = 0

  private constructor(partition: Partition, options: DerivationOptions) {
    this.#partition = partition
    this.#options = options
  }

  static async open(options: DerivationOptions): Promise<Derivation> {
    const { scratch, partition: number, rules, snapshots } = options
    const { store } = scratch
    const partition = new Partition(await store.claim(number, 'verify'), WHOLE, rules, store, snapshots)
    for (const { seq } of await recover(partition, store)) partition.projected(seq)
    await partition.population.count(partition.keptOf, async () => true)
    return new Derivation(partition, options)
  }

  get applied(): Seq {
    return this.#partition.applied
  }

  get claim(): Claim {
    return this.#partition.claim
  }

  async apply(entries: Entry[]): Promise<void> {
    const partition = this.#partition
    await partition.prepare(entries)
    for (const entry of entries) {
      partition.apply(entry)
      this.#events += entry.events.length
    }
    if (this.#events >= EVENTS_A_COMMIT) await this.commit()
  }

  /** Applies entries, and tells of each what it changed. */
  async applyEach(entries: Entry[], taken: (entry: Entry, cut: Cut) => void): Promise<void> {
    const partition = this.#partition
    const puts = new Map<string, CheckpointRecord | RecordKey>()
    await partition.prepare(entries)
    for (const entry of entries) {
      partition.apply(entry)
      const cut = partition.take()
      for (const record of [...cut.delta.puts, ...cut.delta.removes]) puts.set(idOf(record), record)
      taken(entry, cut)
      partition.projected(cut.seq)
    }
    const changed = [...puts.values()]
    const delta = {
      puts: changed.filter((record): record is CheckpointRecord => 'value' in record),
      removes: changed.filter(record => !('value' in record)),
    }
    await this.#options.scratch.store.commit(partition.claim, partition.applied, {
      ...{ incarnation: 'derived', mark: null, ...delta },
    })
    partition.evict(partition.clock.time)
  }

  /** From here on all that was applied is in the scratch. */
  async commit(): Promise<void> {
    const partition = this.#partition
    const { scratch, asked } = this.#options
    this.#events = 0
    const cut = partition.take()
    asked?.(cut.effects)
    await scratch.store.commit(partition.claim, cut.seq, { incarnation: 'derived', ...cut.delta })
    await project(scratch.documents, cut.writes, cut.seq)
    partition.projected(cut.seq)
    partition.evict(partition.clock.time)
  }

  /** All records of some spaces; of all but those of documents to be written. */
  async *records(spaces: readonly Space[] = SPACES): AsyncGenerator<CheckpointRecord> {
    yield* this.#options.scratch.store.load(
      this.claim,
      spaces.map(space => ({ space, names: [] })),
    )
  }

  /** The one record of exactly this name. */
  async record({ space, names }: RecordKey): Promise<CheckpointRecord | undefined> {
    for await (const found of this.#options.scratch.store.load(this.claim, [{ space, names }]))
      if (found.names.length === names.length) return found
    return undefined
  }
}

import type { CheckpointRecord, CheckpointStore, Delta, Space } from '../../src/checkpoint/index.ts'
import { memoryCheckpoints } from '../../src/checkpoint/memory.ts'
import type { Seq } from '../../src/log/index.ts'
import type { Clock } from '../../src/partition/clock.ts'

/** The commit by which a partition began above its documents. */
export interface Origin {
  cut: Seq
  delta: Delta
}

const SPACES: Space[] = ['actor', 'deadline', 'aggregate', 'documents', 'outbox', 'parked']

/** Checkpoints in memory, each partition's in a store of its own, which may be put back as it was. */
export class Kept implements CheckpointStore {
  #stores: CheckpointStore[]
  origins: (Origin | null)[]

  constructor(partitions: number) {
    this.#stores = Array.from({ length: partitions }, memoryCheckpoints)
    this.origins = this.#stores.map(() => null)
  }

  clear(): void {
    this.#stores = this.#stores.map(memoryCheckpoints)
    this.origins = this.#stores.map(() => null)
  }

  /** A copy of a partition's checkpoint; null while there is none. */
  async copy(partition: number): Promise<CheckpointStore | null> {
    const from = this.#stores[partition]!
    const kept = await from.peek(partition)
    if (!kept || kept.incarnation === null) return null
    const puts: CheckpointRecord[] = []
    const keys = SPACES.map(space => ({ space, names: [] }))
    const reader = { partition, owner: '', epoch: 0, ...kept }
    for await (const record of from.load(reader, keys)) puts.push(record)
    const copy = memoryCheckpoints()
    const { cut, incarnation, mark } = kept
    await copy.commit(await copy.claim(partition, 'copy'), cut, { incarnation, mark, puts, removes: [] })
    return copy
  }

  /** Puts a copy in the place of a partition's checkpoint, which it answers with. */
  swap(partition: number, copy: CheckpointStore): CheckpointStore {
    const former = this.#stores[partition]!
    this.#stores[partition] = copy
    return former
  }

  readonly claim: CheckpointStore['claim'] = (partition, owner) => this.#stores[partition]!.claim(partition, owner)
  readonly load: CheckpointStore['load'] = (claim, keys) => this.#stores[claim.partition]!.load(claim, keys)
  readonly peek: CheckpointStore['peek'] = partition => this.#stores[partition]!.peek(partition)
  readonly forget: CheckpointStore['forget'] = partition => this.#stores[partition]!.forget(partition)
  readonly close: CheckpointStore['close'] = async () => {}

  readonly commit: CheckpointStore['commit'] = async (claim, cut, delta) => {
    const { partition } = claim
    const bytes = await this.#stores[partition]!.commit(claim, cut, delta)
    if (adopts(delta)) this.origins[partition] ??= { cut, delta }
    return bytes
  }
}

const adopts = ({ puts }: Delta): boolean =>
  puts.some(({ space, names, value }) => {
    return space === 'aggregate' && names[0] === 'clock' && (value as Clock).adopts !== null
  })

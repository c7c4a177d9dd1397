import { RollcallError } from '../errors.ts'
import { seals } from '../lmdb/sealed.ts'
import { damaged } from './damage.ts'
import type { Anchor, CheckpointRecord, CheckpointStore, Claim, RecordKey } from './index.ts'
import { idOf, keyOf } from './record-id.ts'

/** A partition; its values are bytes, so that nobody shares an object with the store. */
interface Checkpoint extends Anchor {
  epoch: number
  records: Map<string, Buffer>
}

const EMPTY: Anchor = { cut: 0, incarnation: null, mark: null }

const { seal, open } = seals(false)

export interface MemoryCheckpoints extends CheckpointStore {
  /** A bit of the record is another one, as on a disk that does not keep what it was given. */
  flip(partition: number, key: RecordKey, bit: number): void
}

/** Checkpoints in memory. All who own a partition one after another do so through the same store, which nothing closes. */
export function memoryCheckpoints(): MemoryCheckpoints {
  const partitions = new Map<number, Checkpoint>()

  /** The records as they are now, whatever is committed while they are read. */
  const recordsOf = ({ partition }: Claim, keys: RecordKey[]): [id: string, value: Buffer][] => {
    const all = [...(partitions.get(partition)?.records ?? [])]
    return keys.map(idOf).flatMap(prefix => all.filter(([id]) => id.startsWith(prefix)))
  }

  return {
    async claim(partition, owner) {
      const former = partitions.get(partition) ?? { ...EMPTY, epoch: 0, records: new Map() }
      const checkpoint = { ...former, epoch: former.epoch + 1 }
      partitions.set(partition, checkpoint)
      const { records: _, ...rest } = checkpoint
      return { partition, owner, ...rest }
    },

    async *load(claim, keys) {
      for (const [id, value] of recordsOf(claim, keys)) {
        const { space, names } = keyOf(id)
        const damage = () => damaged(claim.partition, `record ${[space, ...names].join('/')}`)
        yield { space, names, value: open(id, value, damage) } satisfies CheckpointRecord
      }
    },

    async commit(claim, cut, { incarnation, mark, puts, removes }) {
      const values = puts.map((record): [string, Buffer] => [idOf(record), seal(idOf(record), record.value)])
      const checkpoint = partitions.get(claim.partition)
      if (checkpoint?.epoch !== claim.epoch) throw new RollcallError('RC_FENCED')
      for (const [id, value] of values) checkpoint.records.set(id, value)
      for (const key of removes) checkpoint.records.delete(idOf(key))
      const anchor: Anchor = { cut, incarnation, mark }
      Object.assign(checkpoint, anchor)
      Object.assign(claim, anchor)
      return values.reduce((sum, [, value]) => sum + value.length, 0)
    },

    async peek(partition) {
      const checkpoint = partitions.get(partition)
      return checkpoint ? { cut: checkpoint.cut, incarnation: checkpoint.incarnation, mark: checkpoint.mark } : null
    },

    flip(partition, key, bit) {
      partitions.get(partition)!.records.get(idOf(key))![bit >> 3]! ^= 1 << (bit & 7)
    },

    async forget(partition) {
      const { epoch } = partitions.get(partition) ?? { epoch: 0 }
      partitions.set(partition, { ...EMPTY, epoch, records: new Map() })
    },

    async close() {},
  }
}

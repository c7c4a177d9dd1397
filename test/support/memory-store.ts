import { isDeepStrictEqual } from 'node:util'
import { pack, unpack } from 'msgpackr'
import type { Anchor, CheckpointStore, Claim, Record, RecordKey } from '../../src/checkpoint/index.ts'
import type { Collection } from '../../src/documents/index.ts'
import { RollcallError } from '../../src/errors.ts'
import { type DocumentWrite, project } from '../../src/partition/projections.ts'

/** A checkpoint in memory, for histories by the thousand; values pass through msgpack as they would on disk. */
export class MemoryStore implements CheckpointStore {
  readonly records = new Map<string, { key: RecordKey; value: Buffer }>()
  #epoch = 0
  #cut = 0

  async claim(partition: number, owner: string): Promise<Claim> {
    return { partition, owner, epoch: ++this.#epoch, cut: this.#cut, incarnation: null, mark: null }
  }

  async *load(_claim: Claim, keys: RecordKey[]): AsyncGenerator<Record> {
    for (const { space, names } of keys) {
      for (const { key, value } of [...this.records.values()]) {
        if (key.space !== space || !isDeepStrictEqual(key.names.slice(0, names.length), names)) continue
        yield { ...key, value: unpack(value) }
      }
    }
  }

  async commit(claim: Claim, cut: number, { puts, removes }: { puts: Record[]; removes: RecordKey[] }): Promise<void> {
    if (claim.epoch !== this.#epoch) throw new RollcallError('RC_FENCED')
    for (const { space, names, value } of puts) {
      this.records.set(JSON.stringify([space, names]), { key: { space, names }, value: Buffer.from(pack(value)) })
    }
    for (const { space, names } of removes) this.records.delete(JSON.stringify([space, names]))
    this.#cut = cut
    claim.cut = cut
  }

  /** All records of these spaces, as values. */
  dump(spaces: string[]): { [key: string]: unknown } {
    const wanted = [...this.records].filter(([, { key }]) => spaces.includes(key.space))
    return Object.fromEntries(
      wanted.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, { value }]) => [key, unpack(value)]),
    )
  }

  async peek(): Promise<Anchor> {
    return { cut: this.#cut, incarnation: null, mark: null }
  }

  async close(): Promise<void> {}
}

/** Documents in memory: what a store is left with after some writes. */
export class MemoryDocuments {
  readonly documents = new Map<string, { [field: string]: unknown }>()

  async write(writes: DocumentWrite[], seq: number): Promise<void> {
    const unused = async (): Promise<never> => {
      throw new Error('not asked for here')
    }
    await project(
      {
        upsertMany: async (collection: Collection, upserts) => {
          for (const { id, set } of upserts) {
            const name = `${collection} ${id}`
            this.documents.set(name, { ...this.documents.get(name), ...(unpack(pack(set)) as object) })
          }
        },
        removeMany: async (collection: Collection, ids) => {
          for (const id of ids) this.documents.delete(`${collection} ${id}`)
        },
        get: unused,
        find: unused,
        aggregate: unused,
        removeWhere: unused,
        patchMany: unused,
        seqs: () => {
          throw new Error('not asked for here')
        },
        close: unused,
      },
      writes,
      seq,
    )
  }

  dump(): { [key: string]: unknown } {
    return Object.fromEntries([...this.documents].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}

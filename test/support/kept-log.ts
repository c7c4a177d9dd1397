import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openKept } from '../../src/checkpoint/embedded/kept.ts'
import type { Space } from '../../src/checkpoint/index.ts'
import { type Kept, type KeptSlices, keep } from '../../src/checkpoint/kept.ts'
import type { Cuts } from '../../src/checkpoint/peek.ts'
import type { FoundEntry, LogPeek } from '../../src/log/embedded/peek.ts'
import { encode } from '../../src/log/entries.ts'
import { fingerprintOf } from '../../src/log/fingerprint.ts'
import type { Entry, Seq } from '../../src/log/index.ts'
import { INCARNATION } from './checkpoint-records.ts'
import type { OnePartition } from './one-partition.ts'
import { ManualTime } from './time.ts'

const SPACES: Space[] = ['actor', 'deadline', 'aggregate', 'documents', 'outbox', 'parked']

/** The log of one partition, and copies of its state in a folder of their own. */
export class KeptLog {
  readonly entries: Entry[] = []
  /** the first entry that is held */
  first: Seq = 1
  /** an entry that cannot be read; none */
  damaged: Seq = 0
  /** called before each entry that is read */
  read: () => Promise<void> = async () => {}
  readonly #folder = mkdtempSync(join(tmpdir(), 'rollcall-kept-'))
  readonly slices: KeptSlices = openKept(join(this.#folder, 'kept'))
  readonly #time = new ManualTime()

  get peek(): LogPeek {
    const held = (seq: Seq): Entry | undefined => (seq < this.first ? undefined : this.entries[seq - 1])
    return {
      settings: null,
      changed: null,
      bounds: async () => ({ incarnation: INCARNATION, first: this.first, last: this.entries.length }),
      mark: async (_, seq) => {
        const entry = held(seq)
        return entry ? fingerprintOf(entry) : null
      },
      entries: (_, from, until, isOfUse) => this.#entries(held, from, until, isOfUse),
      close: async () => {},
    }
  }

  async *#entries(
    held: (seq: Seq) => Entry | undefined,
    from: Seq,
    until: Seq,
    isOfUse: (value: Uint8Array) => boolean = () => true,
  ): AsyncGenerator<FoundEntry[]> {
    for (let seq = from; seq <= until; seq++) {
      await this.read()
      const entry = held(seq)
      if (seq === this.damaged) yield [{ seq, error: new Error('damaged') }]
      else if (entry) yield [isOfUse(encode(entry.events)) ? entry : { seq, events: [] }]
    }
  }

  /** Copies the partition as of its last commit. */
  async keep({ store, partition }: OnePartition): Promise<Kept> {
    await this.#time.advance(1)
    const { claim } = partition
    const { cut, mark } = claim
    const hold = async () => ({
      anchor: { cut, mark, incarnation: INCARNATION },
      records: () =>
        store.load(
          claim,
          SPACES.map(space => ({ space, names: [] })),
        ),
      release() {},
    })
    const cuts = { hold } as unknown as Cuts
    return (await keep({ cuts, slices: this.slices, time: this.#time }, claim.partition))!
  }

  async close(): Promise<void> {
    await this.slices.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

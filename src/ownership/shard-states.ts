import { isCode, RollcallError } from '../errors.ts'
import type { Shard } from '../shard/supervisor.ts'
import type { Time } from '../time.ts'
import type { PartitionState } from './index.ts'

/** A thread that is at long work may have no time to answer for so long. */
const BUSY_MS = 10_000

/** Whether the partitions of one shard go on, also while its thread has too much to do to say so. */
export class ShardStates {
  readonly #shard: Pick<Shard, 'call' | 'partitions'>
  readonly #time: Pick<Time, 'monotonic'>
  /** what it said last, or before it ever did; none once it was lost */
  #last: PartitionState[]
  #heardAt: number

  constructor(shard: Pick<Shard, 'call' | 'partitions'>, time: Pick<Time, 'monotonic'>) {
    this.#shard = shard
    this.#time = time
    this.#last = this.#allStopped(new RollcallError('RC_NOT_READY'))
    this.#heardAt = time.monotonic()
  }

  /** As of now; of a shard that does not answer within `withinMs` as it was, if it was at long work some seconds ago. */
  async read(withinMs: number): Promise<PartitionState[]> {
    try {
      const states = await this.#shard.call(remote => remote.status(), withinMs)
      this.#last = states
      this.#heardAt = this.#time.monotonic()
      return states
    } catch (error) {
      if (!(error instanceof RollcallError)) throw error
      if (!isCode(error, 'RC_SHARD_TIMEOUT')) this.#last = []
      return this.#isBusy ? this.#last.map(withoutNow) : this.#allStopped(error)
    }
  }

  get #isBusy(): boolean {
    const isFresh = this.#time.monotonic() - this.#heardAt < BUSY_MS
    return isFresh && this.#last.some(({ stopped, work }) => stopped?.code === 'RC_NOT_READY' || work?.length)
  }

  #allStopped({ code, message }: RollcallError): PartitionState[] {
    return this.#shard.partitions.map(partition => ({ partition, stopped: { code, message } }))
  }
}

/** Others heed what time it is for the owner: a time that was is none. */
function withoutNow({ now: _, ...state }: PartitionState): PartitionState {
  return state
}

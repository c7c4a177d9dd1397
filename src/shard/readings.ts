import { RollcallError } from '../errors.ts'
import { type Labels, labelled, type Reading, summed } from '../observe/meter.ts'
import { METRICS } from '../observe/metrics.ts'
import type { Measured } from './index.ts'
import type { Shard } from './supervisor.ts'

const grows = ({ name }: Reading): boolean => METRICS[name].type !== 'gauge'

/** The metrics of one shard, whichever thread runs it: counts go on where the thread before left off. */
export class ShardReadings {
  readonly #shard: Pick<Shard, 'call'>
  readonly #labels: Labels
  /** counts of threads that are gone, as far as these told */
  #before: Reading[] = []
  #last: Measured = { run: '', readings: [] }

  constructor(shard: Pick<Shard, 'call'>, number: number) {
    this.#shard = shard
    this.#labels = { shard: String(number) }
  }

  /** As of now, or of the last time it answered where it does not within `withinMs`. */
  async read(withinMs: number): Promise<Reading[]> {
    try {
      const measured = await this.#shard.call(remote => remote.measured(), withinMs)
      if (measured.run !== this.#last.run) this.#before = this.#all.filter(grows)
      this.#last = measured
    } catch (error) {
      if (!(error instanceof RollcallError)) throw error
    }
    return labelled(this.#all, this.#labels)
  }

  get #all(): Reading[] {
    return summed([...this.#before, ...this.#last.readings])
  }
}

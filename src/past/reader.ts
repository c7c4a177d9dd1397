import { extname } from 'node:path'
import type { Rules } from '../../actors/index.ts'
import { RollcallError } from '../errors.ts'
import type { Seq } from '../log/index.ts'
import type { Faults } from '../observe/index.ts'
import { InTurn, oneThread } from '../one-thread.ts'
import type { StoreSettings } from '../stores.ts'
import { atMost, type Time } from '../time.ts'
import type { Asked, Past, Pasts } from './index.ts'
import type { Order, Outcome } from './worker.ts'

export interface ReaderOptions {
  places: StoreSettings
  rules: Rules
  log: { bounds(partition: number): Promise<{ last: Seq }> }
  time: Time
  faults: Faults
}

/** Pasts that are asked for at once; each takes up to ten seconds. */
const MOST_ASKED = 4
const LAST_ORDER_MS = 5_000
/** A past that needs more than this is not told. */
const MEMORY_MB = 512

/** Has pasts derived one after the other, in a thread of its own that there is once the first is asked for. */
export class PastReader implements Pasts {
  readonly #options: ReaderOptions
  #thread: InTurn<Order | null, Outcome | null> | undefined
  /** shared with the thread: not 0 once it is to end */
  readonly #stop = new Int32Array(new SharedArrayBuffer(4))
  #asked = 0

  constructor(options: ReaderOptions) {
    this.#options = options
  }

  async past(asked: Asked): Promise<Past> {
    const { places, rules, log } = this.#options
    if (this.#asked >= MOST_ASKED)
      throw new RollcallError('RC_OVERLOADED', `No more than ${MOST_ASKED} pasts are derived at once.`, {
        limit: 'pasts',
      })
    this.#asked++
    try {
      // LMDB shows other threads what is not on the disk yet.
      const { last } = await log.bounds(asked.partition)
      const outcome = (await this.#send({ ...asked, places, rules, until: last, stop: this.#stop }))!
      if ('past' in outcome) return outcome.past
      throw new RollcallError(outcome.refused.code, outcome.refused.message)
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_WORKER_OUT_OF_MEMORY') throw error
      throw new RollcallError('RC_OVERLOADED', `This past takes more than ${MEMORY_MB} MB to derive.`, { cause: error })
    } finally {
      this.#asked--
    }
  }

  #send(order: Order | null): Promise<Outcome | null> {
    if (!this.#thread) {
      const filename = new URL(`./worker${extname(import.meta.url)}`, import.meta.url).href
      const pool = oneThread(filename, { maxOldGenerationSizeMb: MEMORY_MB })
      pool.on('error', error => this.#options.faults.report('past worker', error))
      this.#thread = new InTurn(pool)
    }
    return this.#thread.run(order)
  }

  async close(): Promise<void> {
    if (!this.#thread) return
    // A thread that is ended inside a call of LMDB takes the process with it: first it closes what it opened. Nobody
    // waits for the orders before this one.
    Atomics.store(this.#stop, 0, 1)
    await atMost(this.#options.time, LAST_ORDER_MS, this.#send(null))
    await this.#thread.end()
  }
}

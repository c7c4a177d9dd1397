import type { ResourceLimits } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { RollcallError } from './errors.ts'

/**
 * A pool of one thread, started at its first task and kept. No thread takes the place of one that ended: the process
 * would end while the new one loads LMDB, and abort. `filename` is the URL of its module.
 */
export function oneThread(filename: string, limits?: ResourceLimits): Piscina {
  return new Piscina({
    ...{ filename, minThreads: 0, maxThreads: 1, idleTimeout: Number.POSITIVE_INFINITY },
    // It would freeze the idle thread's event loop, and with it the ports.
    atomics: 'disabled',
    ...(limits && { resourceLimits: limits }),
  })
}

/** Hands orders to such a pool one after another, for it does not keep the order of those that wait. */
export class InTurn<Order, Outcome> {
  readonly #pool: Piscina
  #last: Promise<unknown> = Promise.resolve()
  #hasEnded = false

  constructor(pool: Piscina) {
    this.#pool = pool
  }

  /** Rejects with RC_CLOSING once the thread has ended: the pool would start another. */
  run(order: Order): Promise<Outcome> {
    const ran = this.#last.then(() => {
      if (this.#hasEnded) throw new RollcallError('RC_CLOSING')
      return this.#pool.run(order)
    })
    this.#last = ran.catch(() => {})
    return ran
  }

  end(): Promise<void> {
    this.#hasEnded = true
    return this.#pool.destroy()
  }
}

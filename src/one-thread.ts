import type { ResourceLimits } from 'node:worker_threads'
import { Piscina } from 'piscina'

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

import type { MessagePort } from 'node:worker_threads'
import { wrap } from 'comlink'
import type { Rules } from '../../actors/index.ts'
import { KINDS } from '../../actors/kinds.ts'
import { isCode, type RollcallError } from '../errors.ts'
import { surviveDiskFaults } from '../lmdb/disk.ts'
import { appender } from '../log/append.ts'
import { Loop } from '../partition/processor.ts'
import type { Host } from '../receivers/index.ts'
import { type LivestreamSettings, openLivestream } from '../receivers/open.ts'
import { openLiveSets, openStores, openThreadsLog, type Places } from '../stores.ts'
import { control } from './control.ts'
import { endpoint, serve } from './wire.ts'

export interface ThreadOptions {
  owner: string
  partitions: number[]
  rules: Rules
  flushMs: number
  places: Places
  livestream: LivestreamSettings
  ports: {
    /** the control plane, by comlink */
    control: MessagePort
    /** to the process's `Host`, by comlink */
    host: MessagePort
    /** to the writer of the log */
    log: MessagePort
    /** `Fault`s, for the host's log */
    faults: MessagePort
  }
}

export interface Fault {
  partition: number
  step: string
  error: { name: string; message: string; stack?: string; code?: string }
}

/** The never-ending task of a shard's pool; it ends when the shard was drained. */
export default async function run({ ports, ...options }: ThreadOptions): Promise<void> {
  const { owner, partitions, rules, flushMs, places } = options
  const log = await openThreadsLog(places, ports.log)
  const stores = await openStores(places)
  const { documents } = stores
  const failed = (partition: number, step: string, thrown: unknown): void => {
    const { name, message, stack, code } = thrown as Fault['error']
    const error = { name, message, ...(stack && { stack }), ...(code && { code }) }
    ports.faults.postMessage({ partition, step, error } satisfies Fault)
  }
  const live = await openLiveSets(places, log, error => failed(-1, 'live sets', error))
  surviveDiskFaults({ report: (step, error) => failed(-1, step, error as Error) })
  const livestream = await openLivestream(options.livestream, {
    documents,
    host: wrap<Host>(endpoint(ports.host)),
    append: appender(log, places.partitions),
    now: Date.now,
    failed: error => failed(-1, 'gauges', error),
  })
  const parts = { log, store: stores.checkpoints, documents, live, receiverOf: livestream.receiverOf }
  const loops = new Map<number, Loop>()
  const refused = new Map<number, RollcallError>()
  for (const partition of partitions) {
    try {
      const rest = { owner, kinds: KINDS, rules, flushMs, partitions: places.partitions, now: Date.now, failed }
      loops.set(partition, await Loop.claim(partition, { ...parts, ...rest }))
    } catch (error) {
      failed(partition, 'claim', error)
      // Anything but a log that does not fit passes. The thread ends itself and is started again: ended from outside,
      // it could be inside a call of LMDB, and the whole process would go.
      if (!isCode(error, 'RC_LOG_BEHIND') && !isCode(error, 'RC_LOG_TRUNCATED')) process.exit(1)
      refused.set(partition, error as RollcallError)
    }
  }
  await new Promise<void>(drained => serve(control(loops, refused, live, drained), ports.control))
  await livestream.close()
  await Promise.all([log, stores, live].map(part => part.close()))
  ports.host.close()
  ports.faults.close()
}

import type { MessagePort } from 'node:worker_threads'
import { wrap } from 'comlink'
import type { Rules } from '../../actors/index.ts'
import { KINDS } from '../../actors/kinds.ts'
import { isCode, type RollcallError } from '../errors.ts'
import { surviveDiskFaults } from '../lmdb/disk.ts'
import { appender } from '../log/append.ts'
import type { Faults } from '../observe/index.ts'
import { Processor } from '../partition/processor.ts'
import type { Host } from '../receivers/index.ts'
import { openReceivers, type ReceiverSettings } from '../receivers/open.ts'
import { openLiveSets, openStores, openThreadsLog, type StoreSettings } from '../stores.ts'
import { SteadyTime, systemTime } from '../time.ts'
import { control } from './control.ts'
import { recomputing } from './recomputing.ts'
import { endpoint, serve } from './wire.ts'

export interface ThreadOptions {
  owner: string
  partitions: number[]
  rules: Rules
  flushMs: number
  /** ms; the time of the process, which saw more of it than the thread */
  now: number
  places: StoreSettings
  receivers: ReceiverSettings
  ports: {
    /** the control plane, by comlink */
    control: MessagePort
    /** to the process's `Host`, by comlink */
    host: MessagePort
    /** to the writer of the log */
    log: MessagePort
    /** `ShardFault`s, for the host's log */
    faults: MessagePort
  }
}

/** A fault as it crosses to the process. */
export interface ShardFault {
  /** -1: of none */
  partition: number
  step: string
  error: { name: string; message: string; stack?: string; code?: string }
}

/** The partition of faults that are of none. */
const OF_NONE = -1

/** The never-ending task of a shard's pool; it ends when the shard was drained. */
export default async function run({ ports, ...options }: ThreadOptions): Promise<void> {
  const { owner, partitions, rules, flushMs, places } = options
  const time = new SteadyTime(systemTime)
  time.heed(options.now)
  const log = await openThreadsLog(places, ports.log)
  const stores = await openStores(places)
  const { documents } = stores
  const faultsOf = (partition: number): Faults => ({
    report(step, thrown) {
      const { name, message, stack, code } = thrown as ShardFault['error']
      const error = { name, message, ...(stack && { stack }), ...(code && { code }) }
      ports.faults.postMessage({ partition, step, error } satisfies ShardFault)
    },
  })
  const faults = faultsOf(OF_NONE)
  const live = await openLiveSets(places, log, { time, faults })
  surviveDiskFaults(faults)
  const receivers = await openReceivers(options.receivers, {
    documents,
    host: wrap<Host>(endpoint(ports.host)),
    append: appender(log, places.partitions),
    time,
    faults,
  })
  const parts = { log, store: stores.checkpoints, documents, live, receiverOf: receivers.receiverOf }
  const processors = new Map<number, Processor>()
  const refused = new Map<number, RollcallError>()
  const draining = new AbortController()
  const claim = async (partition: number): Promise<void> => {
    try {
      const rest = { owner, kinds: KINDS, rules, flushMs, partitions: places.partitions, time }
      processors.set(partition, await Processor.claim(partition, { ...parts, ...rest, faults: faultsOf(partition) }))
    } catch (error) {
      faultsOf(partition).report('claim', error)
      // Anything but a log that does not fit passes. The thread ends itself and is started again: ended from outside,
      // it could be inside a call of LMDB, and the whole process would go.
      if (!isCode(error, 'RC_LOG_BEHIND') && !isCode(error, 'RC_LOG_TRUNCATED')) process.exit(1)
      refused.set(partition, error as RollcallError)
    }
  }
  const claimAll = async (): Promise<void> => {
    for (const partition of partitions) if (!draining.signal.aborted) await claim(partition)
  }
  const claims = claimAll()
  const drained = Promise.withResolvers<void>()
  const drain = async (): Promise<void> => {
    draining.abort()
    await claims
    await Promise.all([...processors.values()].map(processor => processor.drain()))
    drained.resolve()
  }
  const recompute = recomputing(processors, { ...parts, partitions: places.partitions, time })
  const self = control({ partitions, processors, refused, live, time }, { claimed: () => claims, recompute, drain })
  serve(self, ports.control)
  await drained.promise
  await receivers.close()
  await Promise.all([log, stores, live].map(part => part.close()))
  ports.host.close()
  ports.faults.close()
}

import type { MessagePort } from 'node:worker_threads'
import { wrap } from 'comlink'
import type { Rules } from '../../actors/index.ts'
import { KINDS } from '../../actors/kinds.ts'
import { surviveDiskFaults } from '../lmdb/disk.ts'
import { appender } from '../log/append.ts'
import type { Faults } from '../observe/index.ts'
import { Meter } from '../observe/meter.ts'
import { type ServerName, silentServer } from '../observe/silence.ts'
import { sendLast } from '../observe/traces.ts'
import type { Host } from '../receivers/index.ts'
import { openReceivers, type ReceiverSettings } from '../receivers/open.ts'
import { openLiveSets, openStores, openThreadsLog, type StoreSettings } from '../stores.ts'
import { SteadyTime, systemTime } from '../time.ts'
import { eventLoop } from './event-loop.ts'
import { own } from './owned.ts'
import { endpoint, serve } from './wire.ts'

export interface ThreadOptions {
  owner: string
  partitions: number[]
  rules: Rules
  /** kinds of actor whose snapshots are documents */
  snapshots: readonly string[]
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
  /** the server of whose silence it tells: what that is known by does not cross */
  silent: ServerName | null
  error: { name: string; message: string; stack?: string; code?: string }
}

/** The partition of faults that are of none. */
const OF_NONE = -1

/** The never-ending task of a shard's pool; it ends when the shard was drained. */
export default async function run({ ports, ...options }: ThreadOptions): Promise<void> {
  const { owner, partitions, rules, snapshots, flushMs, places } = options
  const time = new SteadyTime(systemTime)
  time.heed(options.now)
  const [meter, loop] = [new Meter(), eventLoop()]
  const log = await openThreadsLog(places, ports.log, meter)
  const stores = await openStores(places, undefined, meter)
  const { documents } = stores
  const faultsOf = (partition: number): Faults => ({
    report(step, thrown) {
      const { name, message, stack, code } = thrown as ShardFault['error']
      const error = { name, message, ...(stack && { stack }), ...(code && { code }) }
      ports.faults.postMessage({ partition, step, silent: silentServer(thrown), error } satisfies ShardFault)
    },
  })
  const faults = faultsOf(OF_NONE)
  const live = await openLiveSets(places, log, { owned: partitions, time, faults })
  surviveDiskFaults(faults)
  const receivers = await openReceivers(options.receivers, {
    documents,
    host: wrap<Host>(endpoint(ports.host)),
    append: appender(log, places.partitions),
    time,
    faults,
  })
  const stand = { owner, kinds: KINDS, rules, snapshots, flushMs, partitions: places.partitions, time }
  const { receiverOf, updates } = receivers
  const kept = { log, store: stores.checkpoints, documents, live }
  const { control, drained } = own({
    ...{ ...stand, ...kept, receiverOf, ...(updates && { updates }), owned: partitions, faults, faultsOf },
    // The thread ends itself and is started again: ended from outside, it could be inside a call of LMDB, and the whole
    // process would go.
    giveUp: () => process.exit(1),
    ofThread: () => [...meter.read(), ...loop()],
  })
  serve(control, ports.control)
  await drained
  await receivers.close()
  await sendLast(time, faults)
  await Promise.all([log, stores, live].map(part => part.close()))
  ports.host.close()
  ports.faults.close()
}

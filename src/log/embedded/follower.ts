import { once } from 'node:events'
import type { MessagePort } from 'node:worker_threads'
import type { Database } from 'lmdb'
import type { Event } from '../../../actors/event.ts'
import { type ErrorCode, RollcallError } from '../../errors.ts'
import { openLogEnvironment } from '../../lmdb/index.ts'
import { Arrivals } from '../arrivals.ts'
import type { Bounds, EventLog, Seq } from '../index.ts'
import { readEntries } from '../reading.ts'
import { entriesAt, firstSeq, markAt, type Origin } from './tables.ts'

/** A message of the writer to a follower. */
export interface ToFollower {
  /** the last durable seq of partitions; a reader goes no further, though LMDB shows writes before they are on disk */
  durable?: [partition: number, seq: Seq][]
  /** of each partition */
  origins?: Origin[]
  id?: number
  /** answer to an append or a trim */
  seq?: Seq
  error?: { code: string; message: string }
}

export type FromFollower = { id: number; partition: number } & ({ events: Event[] } | { below: Seq })

/** The embedded log in another thread: reads LMDB itself, up to what the writer at the other end of `port` says is durable. */
export async function followLog(path: string, port: MessagePort): Promise<EventLog> {
  const env = openLogEnvironment(path)
  const entries: Database<Buffer, Buffer> = env.openDB('entries', { encoding: 'binary', keyEncoding: 'binary' })
  const durable = new Map<number, Seq>()
  const asked = new Map<number, { resolve(seq: Seq): void; reject(error: Error): void }>()
  const arrivals = new Arrivals()
  let origins: Origin[] = []
  let lastId = 0
  let isLost = false

  const lost = (): void => {
    isLost = true
    for (const { reject } of asked.values()) reject(new RollcallError('RC_LOG_UNAVAILABLE'))
    asked.clear()
  }
  port.on('close', lost)
  port.on('message', (message: ToFollower) => {
    origins = message.origins ?? origins
    for (const [partition, seq] of message.durable ?? []) {
      // An answer may come behind news of more.
      durable.set(partition, Math.max(seq, durable.get(partition) ?? 0))
      arrivals.tell(partition)
    }
    const waits = asked.get(message.id ?? 0)
    if (!waits) return
    asked.delete(message.id!)
    if (message.error) waits.reject(new RollcallError(message.error.code as ErrorCode, message.error.message))
    else waits.resolve(message.seq!)
  })
  if (origins.length === 0) await once(port, 'message')

  const ask = (message: FromFollower): Promise<number> => {
    if (isLost) return Promise.reject(new RollcallError('RC_LOG_UNAVAILABLE', 'The log is closed.'))
    return new Promise((resolve, reject) => {
      asked.set(message.id, { resolve, reject })
      port.postMessage(message)
    })
  }

  return {
    append: (partition, events) => ask({ id: ++lastId, partition, events: [...events] }),
    read: (partition, after, signal) =>
      readEntries({
        ...{ partition, after, signal, arrivals },
        last: () => durable.get(partition) ?? 0,
        entries(from, until) {
          env.resetReadTxn()
          return entriesAt(entries, partition, from, until)
        },
      }),
    async bounds(partition: number): Promise<Bounds> {
      env.resetReadTxn()
      const last = durable.get(partition) ?? 0
      return { incarnation: origins[partition]!.incarnation, first: firstSeq(entries, partition, last + 1), last }
    },
    async mark(partition, seq) {
      env.resetReadTxn()
      return markAt(entries, partition, seq)
    },
    trim: (partition, below) => ask({ id: ++lastId, partition, below }),
    async close() {
      lost()
      port.close()
      await env.close()
    },
  }
}

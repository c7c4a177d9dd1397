import { once } from 'node:events'
import type { MessagePort } from 'node:worker_threads'
import { type Database, open } from 'lmdb'
import type { Event } from '../../actors/event.ts'
import { type ErrorCode, RollcallError } from '../errors.ts'
import { type FromFollower, readEntries, type ToFollower } from './entries.ts'
import type { Bounds, EventLog, Seq } from './index.ts'

/** The embedded log in another thread: reads LMDB itself, up to what the writer at the other end of `port` says is durable. */
export async function followLog(path: string, port: MessagePort): Promise<EventLog> {
  const env = open({ path, maxDbs: 4, compression: false })
  const entries: Database<Buffer, Buffer> = env.openDB('entries', { encoding: 'binary', keyEncoding: 'binary' })
  const durable = new Map<number, Seq>()
  const appends = new Map<number, { resolve(seq: Seq): void; reject(error: Error): void }>()
  const waiting = new Map<number, Set<() => void>>()
  let incarnation = ''
  let lastId = 0
  let isLost = false

  const wake = (partition: number): void => {
    for (const resolve of waiting.get(partition) ?? []) resolve()
    waiting.delete(partition)
  }
  const lost = (): void => {
    isLost = true
    for (const { reject } of appends.values()) reject(new RollcallError('RC_LOG_UNAVAILABLE'))
    appends.clear()
  }
  port.on('close', lost)
  port.on('message', (message: ToFollower) => {
    incarnation = message.incarnation ?? incarnation
    for (const [partition, seq] of message.durable ?? []) {
      durable.set(partition, seq)
      wake(partition)
    }
    const append = appends.get(message.id ?? 0)
    if (!append) return
    appends.delete(message.id!)
    if (message.error) append.reject(new RollcallError(message.error.code as ErrorCode, message.error.message))
    else append.resolve(message.seq!)
  })
  if (incarnation === '') await once(port, 'message')

  const more = (partition: number, signal: AbortSignal | undefined): Promise<void> =>
    new Promise(resolve => {
      const woken = (): void => {
        waiting.get(partition)?.delete(woken)
        signal?.removeEventListener('abort', woken)
        resolve()
      }
      waiting.set(partition, (waiting.get(partition) ?? new Set()).add(woken))
      signal?.addEventListener('abort', woken)
    })

  return {
    append(partition: number, events: Event[]): Promise<Seq> {
      if (isLost) return Promise.reject(new RollcallError('RC_LOG_UNAVAILABLE', 'The log is closed.'))
      const id = ++lastId
      return new Promise((resolve, reject) => {
        appends.set(id, { resolve, reject })
        port.postMessage({ id, partition, events } satisfies FromFollower)
      })
    },
    read: (partition, after, signal) =>
      readEntries({
        entries,
        partition,
        after,
        signal,
        durable: () => durable.get(partition) ?? 0,
        more: () => more(partition, signal),
        fresh: () => env.resetReadTxn(),
      }),
    async bounds(partition: number): Promise<Bounds> {
      return { incarnation, first: 1, last: durable.get(partition) ?? 0 }
    },
    async close() {
      lost()
      port.close()
      await env.close()
    },
  }
}

import type { JetStreamManager } from '@nats-io/jetstream'
import { headers, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Consumer } from '../src/log/jetstream/consumer.ts'
import { Connection } from '../src/nats/index.ts'
import { ManualTime } from './support/time.ts'

describe('a consumer', () => {
  let consumer: Consumer
  let time: ManualTime
  let position: Parameters<typeof Consumer.open>[0]
  /** the replies wanted to its requests */
  let requests: string[]
  let deleted: string[]
  let connectionSays: (type: string) => void
  let abort: AbortController
  let deliver: (error: Error | null, message: Msg) => void

  const status = (code: number, description: string, request = requests.at(-1)): void => {
    deliver(null, { subject: request, headers: headers(code, description) } as Msg)
  }
  const message = (seq: number): void => {
    const reply = `$JS.ACK.ROLLCALL_0.name.1.${seq}.1.1700000000000000000.0`
    deliver(null, { subject: 'rollcall.log.0', reply, data: new Uint8Array([seq]) } as Msg)
  }
  const seqs = async (): Promise<number[] | undefined> => (await consumer.next())?.map(({ seq }) => seq)

  beforeEach(async () => {
    time = new ManualTime()
    requests = []
    deleted = []
    abort = new AbortController()
    const nats = {
      async *status() {
        yield* await new Promise<{ type: string }[]>(resolve => {
          connectionSays = type => resolve([{ type }])
        })
      },
      publish: (_: string, __: string, { reply }: { reply: string }) => requests.push(reply),
      subscribe(_: string, { callback }: { callback: typeof deliver }) {
        deliver = callback
        const unsubscribe = (): void => {
          deliver = () => {}
        }
        return { unsubscribe }
      },
    }
    const consumers = {
      add: async () => ({ name: 'name' }),
      delete: async (_: string, name: string) => deleted.push(name),
    }
    position = {
      connection: new Connection(nats as unknown as NatsConnection, '2.15.2', time),
      manager: { consumers } as unknown as JetStreamManager,
      ...{ stream: 'ROLLCALL_0', from: 1, signal: abort.signal },
    }
    consumer = await Consumer.open(position)
  })
  afterEach(() => consumer.end())

  test('gives all that came since it was asked last', async () => {
    const first = seqs()
    for (const seq of [1, 2, 3]) message(seq)
    expect(await first).toEqual([1, 2, 3])
    message(4)
    expect(await seqs()).toEqual([4])
  })

  test('reads the seq of a message also behind a domain', async () => {
    const next = seqs()
    const reply = '$JS.ACK.hub.ACCOUNT.ROLLCALL_0.name.1.42.1.1700000000000000000.0.token'
    deliver(null, { subject: 'rollcall.log.0', reply, data: new Uint8Array() } as Msg)
    expect(await next).toEqual([42])
  })

  test('has one request under way at a time, and the next one only when all was taken', async () => {
    const next = seqs()
    expect(requests).toHaveLength(1)
    for (let seq = 1; seq <= 64; seq++) message(seq)
    expect(requests).toHaveLength(1)
    await next
    expect(requests).toHaveLength(2)
    for (let seq = 65; seq <= 128; seq++) message(seq)
    expect(requests).toHaveLength(2)
    await consumer.next()
    expect(requests).toHaveLength(3)
  })

  test.each([
    [408, 'Request Timeout'],
    [409, 'Message Size Exceeds MaxBytes'],
    [409, 'Batch Completed'],
  ])('asks again after %i %s', async (code, description) => {
    const next = seqs()
    status(code, description)
    expect(requests).toHaveLength(2)
    message(1)
    expect(await next).toEqual([1])
  })

  test('does not mind what is said of a request that is over', async () => {
    const next = seqs()
    status(408, 'Request Timeout')
    status(408, 'Request Timeout', requests[0])
    expect(requests).toHaveLength(2)
    message(1)
    await next
  })

  test.each([
    [409, 'Consumer Deleted'],
    [409, 'Leadership Change'],
    [503, 'No Responders'],
  ])('is over after %i %s, when what came before was taken', async (code, description) => {
    await Promise.all([seqs(), message(1)])
    message(2)
    status(code, description)
    expect(await seqs()).toEqual([2])
    expect(await seqs()).toBeUndefined()
    expect(deleted).toEqual(['name'])
  })

  test('is over when the connection breaks', async () => {
    const next = seqs()
    connectionSays('disconnect')
    expect(await next).toBeUndefined()
  })

  test('is over when it is aborted, and asks for nothing more', async () => {
    const next = seqs()
    abort.abort()
    expect(await next).toBeUndefined()
    expect(await seqs()).toBeUndefined()
    expect([requests.length, deleted]).toEqual([1, ['name']])
  })

  test('is over from the beginning when it was aborted while it was made', async () => {
    abort.abort()
    const late = await Consumer.open(position)
    expect([await late.next(), requests, deleted]).toEqual([undefined, [], ['name', 'name']])
  })

  test('is over when the server says nothing for a while', async () => {
    const next = seqs()
    await time.advance(3_000)
    expect(await next).toBeUndefined()
  })

  test('is not over while there are signs of life', async () => {
    const next = seqs()
    for (let n = 0; n < 20; n++) {
      await time.advance(500)
      status(100, 'Idle Heartbeat')
    }
    message(1)
    expect(await next).toEqual([1])
  })

  test('is not over while nothing is asked for', async () => {
    const next = seqs()
    for (let seq = 1; seq <= 64; seq++) message(seq)
    await next
    for (let seq = 65; seq <= 128; seq++) message(seq)
    await time.advance(60_000)
    expect(await seqs()).toHaveLength(64)
    message(129)
    expect(await seqs()).toEqual([129])
  })
})

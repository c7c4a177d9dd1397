import { errors, headers, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'
import { beforeEach, describe, expect, test } from 'vitest'
import { Publisher } from '../src/log/jetstream/publisher.ts'
import { Connection } from '../src/nats/index.ts'
import { ManualTime } from './support/time.ts'

describe('a publisher', () => {
  let time: ManualTime
  let publisher: Publisher
  let sent: { subject: string; value: Uint8Array; reply: string; headers: MsgHdrs }[]
  let deliver: (error: Error | null, message: Msg) => void
  let isSubscribed: boolean

  let refuse: (text: string) => void

  const publish = (id: string, partition = 3): Promise<unknown> =>
    publisher
      .publish({ partition, id, value: Buffer.from(id), deadline: 0 })
      .catch((error: Error) => `${error.name}: ${error.message}`)
  /** The server answers the message that was sent as the nth, in JSON unless told otherwise. */
  const answer = (nth: number, text: string, status?: MsgHdrs): void => {
    const json = <T>(): T => JSON.parse(text)
    deliver(null, { subject: sent[nth]!.reply, data: Buffer.from(text), headers: status, json } as unknown as Msg)
  }

  beforeEach(() => {
    time = new ManualTime()
    sent = []
    isSubscribed = false
    const nats = {
      async *status() {
        for (;;) {
          const { promise, resolve } = Promise.withResolvers<string>()
          refuse = resolve
          yield { type: 'error', error: errors.PermissionViolationError.parse(await promise) }
        }
      },
      publish: (subject: string, value: Uint8Array, options: { reply: string; headers: MsgHdrs }) =>
        sent.push({ subject, value, ...options }),
      subscribe(_: string, { callback }: { callback: typeof deliver }) {
        deliver = callback
        isSubscribed = true
        const unsubscribe = (): void => {
          isSubscribed = false
        }
        return { unsubscribe }
      },
    }
    publisher = new Publisher(new Connection(nats as unknown as NatsConnection, '2.15.2', time))
  })

  test('says of each entry which seq the stream gave it, whatever their order', async () => {
    const [first, second] = [publish('a.1'), publish('a.2')]
    answer(1, '{"stream":"ROLLCALL_3","seq":8}')
    answer(0, '{"stream":"ROLLCALL_3","seq":7,"duplicate":true}')
    expect([await first, await second]).toEqual([7, 8])
    expect(sent.map(({ subject, value }) => `${subject} ${value}`)).toEqual([
      'rollcall.log.3 a.1',
      'rollcall.log.3 a.2',
    ])
  })

  test('names each by its id, by which a repetition is known, and marks it as ours', () => {
    publish('a.1')
    const { headers } = sent[0]!
    expect([headers.get('Nats-Msg-Id'), headers.get('Rollcall-Entry')]).toEqual(['a.1', '3'])
  })

  test.each([
    ['{"error":{"code":503,"err_code":10077,"description":"no room"}}', 'JetStreamApiError: no room'],
    ['no json', /^RequestError: .* no acknowledgement$/],
    ['null', /^RequestError: .* no acknowledgement$/],
    ['{"seq":"7"}', /^RequestError: .* no acknowledgement$/],
  ])('rejects an entry of which the stream says %s', async (text, error) => {
    const published = publish('a.1')
    answer(0, text)
    expect(await published).toEqual(typeof error === 'string' ? error : expect.stringMatching(error))
  })

  test('rejects an entry for which there is no stream', async () => {
    const published = publish('a.1')
    answer(0, '', headers(503, 'No Responders'))
    expect(await published).toBe("NoResponders: no responders: 'rollcall.log.3'")
  })

  test('rejects an entry that has no answer in time, and passes over what comes then', async () => {
    const first = publish('a.1')
    await time.advance(1_900)
    const second = publish('a.2')
    await time.advance(600)
    expect(await first).toMatch(/^TimeoutError/)
    answer(0, '{"seq":7}')
    answer(1, '{"seq":8}')
    expect(await second).toBe(8)
  })

  test('rejects all that wait where its inbox is not to be read', async () => {
    const all = [publish('a.1'), publish('a.2')]
    deliver(new Error('not allowed'), undefined as never)
    expect(await Promise.all(all)).toEqual(['RequestError: not allowed', 'RequestError: not allowed'])
  })

  test('subscribes anew where the server took its subscription away', async () => {
    const first = publish('a.1')
    const gone = deliver
    deliver(new Error('not allowed'), undefined as never)
    await first
    const second = publish('a.1')
    expect(deliver).not.toBe(gone)
    answer(1, '{"seq":7}')
    expect(await second).toBe(7)
  })

  test('rejects an entry that may not be published, and no other one', async () => {
    const [mine, other] = [publish('a.1'), publish('b.1', 4)]
    refuse('Permissions Violation for Publish to "rollcall.log.3"')
    expect(await mine).toBe('RequestError: Permissions Violation for Publish to "rollcall.log.3"')
    answer(1, '{"seq":7}')
    expect(await other).toBe(7)
  })

  test('leaves nothing behind when it is closed', async () => {
    const published = publish('a.1')
    answer(0, '{"seq":7}')
    await published
    expect(isSubscribed).toBe(true)
    publisher.close()
    expect([isSubscribed, time.timers]).toEqual([false, 0])
  })
})

import { spawn } from 'node:child_process'
import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as listener, type Server } from 'node:net'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { inspect } from 'node:util'
import PusherClient from 'pusher-js'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type ErrorCode, isCode, type RollcallError } from '../../src/errors.ts'
import type { ChannelEvent, Channels } from '../../src/notify/index.ts'
import { openPusher, type PusherSettings } from '../../src/notify/pusher.ts'
import { type Member, type Signer, signer } from '../../src/notify/pusher-signature.ts'
import { type FakePusher, type Hang, startFakePusher } from '../support/fake-pusher.ts'
import { seeded } from '../support/random.ts'
import { channelsContract, type OpenedChannels, POLL } from './channels.ts'

// The package is CommonJS, and the class itself; its types say otherwise.
const Client = PusherClient as unknown as typeof PusherClient.default
type Client = InstanceType<typeof Client>

const optionsFor = ({ host: wsHost, port: wsPort }: FakePusher) => ({
  ...{ cluster: 'local', wsHost, wsPort, forceTLS: false },
  enabledTransports: ['ws' as const],
})

async function openHeard(settings: PusherSettings, client: () => Client): Promise<OpenedChannels> {
  const channels = await openPusher({ ...settings, failed: () => {} })
  const clients: Client[] = []
  const listen = async (name: string): Promise<ChannelEvent[]> => {
    const heard: ChannelEvent[] = []
    clients.push(client())
    const channel = clients.at(-1)!.subscribe(name)
    channel.bind_global((event: string, data: Record<string, unknown>) => {
      if (!event.startsWith('pusher:')) heard.push({ channel: name, name: event, data })
    })
    await new Promise(resolve => channel.bind('pusher:subscription_succeeded', resolve))
    return heard
  }
  const destroy = async () => {
    for (const each of clients) each.disconnect()
    await channels.close()
  }
  return { channels, listen, destroy }
}

channelsContract('through a Pusher of ours', 'sent', async () => {
  const fake = await startFakePusher()
  const opened = await openHeard(fake.settings, () => new Client(fake.settings.key, optionsFor(fake)))
  const destroy = async () => {
    await opened.destroy()
    await fake.close()
  }
  return { ...opened, destroy }
})

const { PUSHER_APP_ID: appId, PUSHER_KEY: key, PUSHER_SECRET: secret, PUSHER_CLUSTER: cluster } = process.env
if (appId && key && secret && cluster) {
  const settings = { appId, key, secret, cluster, tls: true }
  channelsContract('through Pusher', 'sent', () => openHeard(settings, () => new Client(key, { cluster })))
} else {
  describe.skip('the channels, through Pusher (skipped while PUSHER_APP_ID, _KEY, _SECRET or _CLUSTER is unset)', () => {
    test('do what every kind does', () => {})
  })
}

describe('the channels through Pusher', () => {
  let fake: FakePusher
  let channels: Channels
  let failures: RollcallError[]
  let isOver: boolean

  const open = (settings: Partial<PusherSettings> = {}): Promise<Channels> =>
    openPusher({ ...fake.settings, ...settings, failed: error => failures.push(error) })

  beforeEach(async () => {
    fake = await startFakePusher()
    failures = []
    isOver = false
    channels = await open()
  })
  afterEach(async () => {
    isOver = true
    vi.useRealTimers()
    await fake.close()
    await channels.close()
  })

  const event = (n: number, data: Record<string, unknown> = {}, channel = `room-${n}`): ChannelEvent => ({
    channel,
    name: `event-${n}`,
    data: { n, ...data },
  })
  const events = (count: number): ChannelEvent[] => Array.from({ length: count }, (_, n) => event(n))
  /** What a call came to: `sent`, or the code of its error. */
  const outcome = (sending: Promise<unknown>): Promise<unknown> => sending.catch((error: RollcallError) => error.code)
  const outcomes = (given: ChannelEvent[]): Promise<unknown[]> =>
    Promise.all(given.map(each => outcome(channels.send(each))))
  const errorOf = (sending: Promise<unknown>): Promise<RollcallError> =>
    sending.then(
      () => expect.unreachable('an event was taken'),
      error => error,
    )
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isOver && !isSo()) await setImmediate()
  }

  describe('in batches', () => {
    const sizes = (): number[] => fake.requests.map(request => request.events.length)

    test('join calls of one turn, ten at most', async () => {
      await outcomes(events(25))
      expect(sizes()).toEqual([10, 10, 5])
    })

    test('join calls that are a few promises apart', async () => {
      await Promise.all([channels.send(event(1)), Promise.resolve().then(() => channels.send(event(2)))])
      expect(sizes()).toEqual([2])
    })

    test('keep the order of the calls within', async () => {
      await outcomes(events(10))
      expect(fake.events).toEqual(events(10))
    })

    test('put as many into one as 10 kB hold', async () => {
      await outcomes(Array.from({ length: 8 }, (_, n) => event(n, { text: 'x'.repeat(3_000) })))
      expect(sizes()).toEqual([3, 3, 2])
    })

    test('of several events are never over 10 kB, whatever is in them', async () => {
      const random = seeded('sizes of events')
      const text = () => random.pick(['x', '"', '\\', 'é', '日', '\n']).repeat(random.int(0, 1_500))
      await outcomes(Array.from({ length: 300 }, (_, n) => event(n, { text: text() })))
      const over = fake.requests.filter(({ bytes, events }) => bytes > 10_240 && events.length > 1)
      expect([over, fake.events.length]).toEqual([[], 300])
    })

    test('do not wait for one another', async () => {
      fake.hang()
      const waiting = outcome(channels.send(event(1)))
      await until(() => fake.requests.length === 1)
      fake.hang(null)
      expect(await channels.send(event(2))).toBe('sent')
      await fake.close()
      expect(await waiting).toBe('RC_SERVICE_UNREACHABLE')
    })

    test('are in flight by sixteen at most', async () => {
      let [now, most] = [0, 0]
      fake.fail(async () => {
        now += 1
        most = Math.max(most, now)
        for (let turn = 0; turn < 20; turn++) await setImmediate()
        now -= 1
        return 200
      })
      expect(await outcomes(events(400))).toEqual(events(400).map(() => 'sent'))
      expect(most).toBe(16)
    })
  })

  describe('refuse what will never be taken', () => {
    test('by size, without asking and without harm to others', async () => {
      const sized = (bytes: number) => event(1, { text: 'x'.repeat(bytes - '{"n":1,"text":""}'.length) })
      const given = [event(0), sized(10_240), sized(10_241), event(3)]
      expect(await outcomes(given)).toEqual(['sent', 'sent', 'RC_SERVICE_REFUSED', 'sent'])
      expect(fake.requests.flatMap(request => request.events)).not.toContainEqual(given[2])
    })

    test('because it is not JSON, without asking and without harm to others', async () => {
      const cycle: Record<string, unknown> = {}
      cycle.itself = cycle
      expect(await outcomes([event(1), event(2, { cycle }), event(3, { big: 1n })])).toEqual([
        'sent',
        'RC_SERVICE_REFUSED',
        'RC_SERVICE_REFUSED',
      ])
    })

    test('because nothing can be encrypted, without harm to others', async () => {
      const given = [event(1), event(2, {}, 'private-encrypted-room')]
      expect(await outcomes(given)).toEqual(['sent', 'RC_SERVICE_REFUSED'])
    })

    test('alone of its batch', async () => {
      const given = [...events(4), event(4, {}, 'no such channel'), event(5)]
      expect(await outcomes(given)).toEqual(['sent', 'sent', 'sent', 'sent', 'RC_SERVICE_REFUSED', 'sent'])
      expect(fake.events).toEqual([...events(4), event(5)])
    })

    test('alone of its batch, also as too large', async () => {
      fake.fail(given => (given.some(({ name }) => name === 'event-1') ? 413 : 200))
      expect(await outcomes(events(3))).toEqual(['sent', 'RC_SERVICE_REFUSED', 'sent'])
    })
  })

  test('may be taken later where the secret is wrong, which an operator can mend', async () => {
    const others = await open({ secret: 'another' })
    const codes = await Promise.all(events(3).map(each => outcome(others.send(each))))
    await others.close()
    expect(codes).toEqual(events(3).map(() => 'RC_SERVICE_BUSY'))
    expect(fake.requests).toHaveLength(1)
  })

  test.each<[ErrorCode, number[]]>([
    ['RC_SERVICE_UNREACHABLE', [502, 503, 504]],
    ['RC_SERVICE_BUSY', [401, 403, 408, 429, 500, 501, 507]],
    ['RC_SERVICE_REFUSED', [304, 400, 404, 413, 422]],
  ])('reject with %s where the answer is any of %j', async (code, statuses) => {
    const codes: unknown[] = []
    for (const status of statuses) {
      fake.fail(() => status)
      codes.push(await outcome(channels.send(event(1))))
    }
    expect(codes).toEqual(statuses.map(() => code))
  })

  test('find nobody at a closed port, and find who listens there later', async () => {
    await fake.close()
    expect(await outcome(channels.send(event(1)))).toBe('RC_SERVICE_UNREACHABLE')
    fake = await startFakePusher(fake.settings)
    expect(await channels.send(event(2))).toBe('sent')
  })

  test('find nobody where the connection is closed without an answer', async () => {
    fake.fail(() => 0)
    expect(await outcome(channels.send(event(1)))).toBe('RC_SERVICE_UNREACHABLE')
  })

  test.each<Hang>(['answer', 'body'])('wait five seconds for the %s that does not come', async where => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    fake.hang(where)
    const code = outcome(channels.send(event(1)))
    await until(() => fake.requests.length === 1)
    vi.advanceTimersByTime(4_999)
    const turns = (async () => {
      for (let turn = 0; turn < 50; turn++) await setImmediate()
      return 'still waiting'
    })()
    expect(await Promise.race([code, turns])).toBe('still waiting')
    vi.advanceTimersByTime(1)
    expect(await code).toBe('RC_SERVICE_UNREACHABLE')
  })

  describe('say what went wrong', () => {
    const everythingOf = (error: RollcallError): string =>
      [JSON.stringify(error), inspect(error, { depth: 9, showHidden: true }), error.message, error.stack].join('\n')

    const failing: [string, () => unknown, Partial<PusherSettings>][] = [
      ['an answer that repeats them', () => fake.fail(() => 400), {}],
      ['an unavailable service', () => fake.fail(() => 503), {}],
      ['a wrong signature', () => {}, { secret: 'not-the-secret' }],
      ['a wrong key', () => {}, { key: 'not-the-key' }],
      ['a wrong app id', () => {}, { appId: 'not-the-id' }],
      ['a closed port', () => fake.close(), {}],
      ['a broken connection', () => fake.fail(() => 0), {}],
      ['no answer', () => fake.hang(), { timeoutMs: 1 }],
      ['half an answer', () => fake.hang('body'), { timeoutMs: 100 }],
      ['a host that is none', () => {}, { host: 'no such host' }],
    ]
    test.each(failing)('without a secret: %s', async (_, prepare, settings) => {
      await prepare()
      const others = await open(settings)
      const said = everythingOf(await errorOf(others.send(event(1))))
      await others.close()
      const { appId, key, secret } = { ...fake.settings, ...settings }
      for (const hidden of [appId, key, secret]) expect(said).not.toContain(hidden)
      expect(said).not.toMatch(/[0-9a-f]{64}/)
    })

    test('without what is left of a secret when a shorter one is taken out', async () => {
      const other = await startFakePusher({ appId: '19', key: 'a19b', secret: 'c19d' })
      other.fail(() => 422)
      const others = await openPusher({ ...other.settings, failed: () => {} })
      const { message } = await errorOf(others.send(event(1)))
      await others.close()
      await other.close()
      expect(message).toMatch(/^Pusher answers 422: No, \*\*\* with \*\*\* and \*\*\*\. /)
    })

    test('with the status and 200 characters of the answer', async () => {
      fake.fail(() => 422)
      const { message } = await errorOf(channels.send(event(1)))
      const [head, body] = message.split(/(?<=: )/)
      expect([head, body!.length]).toEqual(['Pusher answers 422: ', 200])
      expect(body).toMatch(/^No, \*\*\* with \*\*\* and \*\*\*\. /)
    })

    test('with a name of the fault where there was no answer', async () => {
      await fake.close()
      expect((await errorOf(channels.send(event(1)))).message).toBe('Pusher gives no answer: ECONNREFUSED')
    })
  })

  describe('with gauges', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))

    const gauged = (n: number, watching: number): ChannelEvent => event(n, { watching })
    /** Until the round that is due has nothing more to do; of timers there are only theirs. */
    const round = async (): Promise<void> => {
      vi.advanceTimersByTime(300)
      await until(() => vi.getTimerCount() === 0)
      for (let turn = 0; turn < 5; turn++) await setImmediate()
    }

    test('send the latest of each channel and name', async () => {
      for (let watching = 0; watching <= 9; watching++) {
        channels.gauge(gauged(1, watching))
        channels.gauge({ ...gauged(1, watching), name: 'other' })
        channels.gauge({ ...gauged(1, watching), channel: 'other' })
      }
      await round()
      expect(fake.events).toEqual([
        gauged(1, 9),
        { ...gauged(1, 9), name: 'other' },
        { ...gauged(1, 9), channel: 'other' },
      ])
    })

    test('send nothing before 300 ms have passed', async () => {
      channels.gauge(gauged(1, 1))
      vi.advanceTimersByTime(299)
      await channels.send(event(2))
      expect(fake.events).toEqual([event(2)])
      vi.advanceTimersByTime(1)
      await until(() => fake.events.length === 2)
    })

    test('send what comes after a round in the next', async () => {
      channels.gauge(gauged(1, 1))
      await round()
      channels.gauge(gauged(1, 2))
      await round()
      expect(fake.events).toEqual([gauged(1, 1), gauged(1, 2)])
    })

    test('send what comes during a round in the next', async () => {
      fake.fail(() => {
        if (fake.requests.length === 1) channels.gauge(gauged(1, 2))
        return 200
      })
      channels.gauge(gauged(1, 1))
      vi.advanceTimersByTime(300)
      await until(() => fake.events.length === 1 && vi.getTimerCount() === 1)
      await until(() => vi.advanceTimersByTime(300) && fake.events.length === 2)
      expect(fake.events).toEqual([gauged(1, 1), gauged(1, 2)])
    })

    test('send ten in a batch', async () => {
      for (let n = 0; n < 25; n++) channels.gauge(gauged(n, 1))
      await round()
      expect(fake.requests.map(request => request.events.length).sort()).toEqual([10, 10, 5])
    })

    test('report what is not taken, once a round, and forget it', async () => {
      fake.fail(() => 500)
      for (let n = 0; n < 25; n++) channels.gauge(gauged(n, 1))
      await round()
      expect(failures.map(({ code }) => code)).toEqual(['RC_SERVICE_BUSY'])
      expect(failures[0]!.message).toMatch(/^Gauges lost: 25\. Pusher answers 500: /)
      fake.fail(null)
      channels.gauge(gauged(99, 1))
      await round()
      expect(fake.events).toEqual([gauged(99, 1)])
      expect(failures).toHaveLength(1)
    })

    test('give a round up when nobody is there', async () => {
      fake.fail(() => 503)
      for (let n = 0; n < 1_000; n++) channels.gauge(gauged(n, 1))
      await round()
      expect(fake.requests.length).toBeLessThanOrEqual(4)
      expect(failures.map(({ code }) => code)).toEqual(['RC_SERVICE_UNREACHABLE'])
      expect(failures[0]!.message).toMatch(/^Gauges lost: 1000\. /)
    })

    test('lose one that can never be taken, and no other', async () => {
      channels.gauge(event(1, { text: 'x'.repeat(10_240) }))
      channels.gauge(event(2, {}, 'no such channel'))
      channels.gauge(gauged(3, 1))
      await round()
      expect(fake.events).toEqual([gauged(3, 1)])
      expect(failures.map(({ code }) => code)).toEqual(['RC_SERVICE_REFUSED'])
      expect(failures[0]!.message).toMatch(/^Gauges lost: 2\. /)
    })

    test('keep those of 10,000 rooms, of which each may still change', async () => {
      for (let n = 0; n <= 10_000; n++) channels.gauge(gauged(n, 1))
      channels.gauge(gauged(0, 2))
      await round()
      expect(new Set(fake.events.map(({ channel }) => channel)).size).toBe(10_000)
      expect(fake.events).toContainEqual(gauged(0, 2))
      expect(fake.events).not.toContainEqual(gauged(10_000, 1))
      expect(failures.map(({ message }) => message)).toEqual(['Gauges lost: 1. More rooms have gauges than can wait.'])
    })

    test('send no more of them once they are closed', async () => {
      channels.gauge(gauged(1, 1))
      await channels.close()
      expect(vi.getTimerCount()).toBe(0)
      expect(fake.requests).toEqual([])
    })

    test('take none of them once they are closed', async () => {
      await channels.close()
      channels.gauge(gauged(1, 1))
      expect(vi.getTimerCount()).toBe(0)
    })

    test('break a round off when they are closed', async () => {
      for (let n = 0; n < 1_000; n++) channels.gauge(gauged(n, 1))
      vi.advanceTimersByTime(300)
      await until(() => fake.requests.length > 0)
      await channels.close()
      expect(fake.requests.length).toBeLessThanOrEqual(4)
    })
  })

  test('take no event once they are closed', async () => {
    await channels.close()
    expect(isCode(await errorOf(channels.send(event(1))), 'RC_CLOSING')).toBe(true)
  })

  describe('let go of a connection', () => {
    let server: Server
    let given: string
    let letGo: Promise<unknown>

    beforeEach(async () => {
      const reached = Promise.withResolvers<unknown>()
      letGo = reached.promise
      server = listener(socket => {
        socket.on('error', () => {})
        socket.once('data', () => socket.write(given))
        reached.resolve(once(socket, 'close'))
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
    })
    afterEach(() => void server.close())

    test.each([
      ['no answer came', '', false],
      ['half an answer came, once they are closed', 'HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nIt ', true],
    ])('on which %s', async (_, answer, afterClosing) => {
      given = answer
      const others = await open({ port: (server.address() as AddressInfo).port, timeoutMs: 100 })
      expect(await outcome(others.send(event(1)))).toBe('RC_SERVICE_UNREACHABLE')
      if (afterClosing) await others.close()
      await letGo
      await others.close()
    })
  })

  test('wait at the end for what is in flight, whatever comes of it', async () => {
    fake.hang()
    const codes = outcomes(events(2))
    await until(() => fake.requests.length === 1)
    const closing = channels.close()
    await fake.close()
    await closing
    expect(await Promise.race([codes, 'still in flight'])).toEqual(events(2).map(() => 'RC_SERVICE_UNREACHABLE'))
  })

  test('do not keep a process from ending', async () => {
    const module = new URL('../../src/notify/pusher.ts', import.meta.url).href
    const settings = JSON.stringify(fake.settings)
    const code = `
      const { openPusher } = await import('${module}')
      const channels = await openPusher({ ...${settings}, failed() {} })
      await channels.send({ channel: 'room', name: 'event', data: {} })
      channels.gauge({ channel: 'room', name: 'gauge', data: {} })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'inherit' })
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(fake.events.map(({ name }) => name)).toEqual(['event'])
  })
})

describe('what is signed for Pusher', () => {
  let fake: FakePusher
  let signing: Signer
  const clients: Client[] = []

  beforeEach(async () => {
    fake = await startFakePusher()
    signing = await signer(fake.settings)
  })
  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect()
    await fake.close()
  })

  const member = (n: number): Member => ({ user_id: `u${n}`, user_info: { name: `Name ${n}` } })
  const clientOf = (by: Signer, who?: Member): Client => {
    const client = new Client(fake.settings.key, {
      ...optionsFor(fake),
      channelAuthorization: {
        customHandler: ({ socketId, channelName }, answer) => answer(null, by.authorize(socketId, channelName, who)),
      },
    })
    clients.push(client)
    return client
  }
  const come = (channel: ReturnType<Client['subscribe']>, name: string): Promise<unknown> =>
    new Promise(resolve => channel.bind(name, resolve))
  const SUCCEEDED = 'pusher:subscription_succeeded'

  test('lets a client subscribe to a private channel and hear what is sent there', async () => {
    const channel = clientOf(signing).subscribe('private-user-u1')
    await come(channel, SUCCEEDED)
    const heard = come(channel, 'told')
    const channels = await openPusher({ ...fake.settings, failed: () => {} })
    await channels.send({ channel: 'private-user-u1', name: 'told', data: { n: 1 } })
    await channels.close()
    expect(await heard).toEqual({ n: 1 })
  })

  test('with another secret lets nobody subscribe', async () => {
    const other = await signer({ ...fake.settings, secret: 'another' })
    const channel = clientOf(other).subscribe('private-user-u1')
    expect(await come(channel, 'pusher:subscription_error')).toMatchObject({ type: 'AuthError', status: 401 })
  })

  test('shows the members of a presence channel to each other as they come and go', async () => {
    const [first, second] = [clientOf(signing, member(1)), clientOf(signing, member(2))]
    const room = first.subscribe('presence-room')
    expect(await come(room, SUCCEEDED)).toMatchObject({ count: 1, myID: 'u1', members: { u1: { name: 'Name 1' } } })
    const [added, removed] = [come(room, 'pusher:member_added'), come(room, 'pusher:member_removed')]
    expect(await come(second.subscribe('presence-room'), SUCCEEDED)).toMatchObject({ count: 2, myID: 'u2' })
    expect(await added).toEqual({ id: 'u2', info: { name: 'Name 2' } })
    second.unsubscribe('presence-room')
    expect(await removed).toEqual({ id: 'u2', info: { name: 'Name 2' } })
  })

  test('is no reason to let a 101st member into a presence channel, unless it is one already', async () => {
    for (let n = 0; n < 100; n++) await come(clientOf(signing, member(n)).subscribe('presence-room'), SUCCEEDED)
    const refused = come(clientOf(signing, member(100)).subscribe('presence-room'), 'pusher:subscription_error')
    expect(await refused).toMatchObject({ type: 'LimitReached' })
    const again = clientOf(signing, member(99)).subscribe('presence-room')
    expect(await come(again, SUCCEEDED)).toMatchObject({ count: 100 })
  })

  test('tells nobody of a member who is still there with another page', async () => {
    const seen: string[] = []
    const room = clientOf(signing, member(1)).subscribe('presence-room')
    room.bind_global((name: string, { id }: { id: string }) => seen.push(`${name} ${id}`))
    await come(room, SUCCEEDED)
    const [page, other, last] = [
      clientOf(signing, member(2)),
      clientOf(signing, member(2)),
      clientOf(signing, member(3)),
    ]
    await come(page.subscribe('presence-room'), SUCCEEDED)
    await come(other.subscribe('presence-room'), SUCCEEDED)
    page.unsubscribe('presence-room')
    await come(page.subscribe('a-room'), SUCCEEDED)
    await come(last.subscribe('presence-room'), SUCCEEDED)
    other.disconnect()
    await expect.poll(() => seen.length, POLL).toBe(4)
    expect(seen.slice(1)).toEqual(['pusher:member_added u2', 'pusher:member_added u3', 'pusher:member_removed u2'])
  })

  test.each([
    ['', 'private-room'],
    ['1', 'private-room'],
    ['1.2\n', 'private-room'],
    ['1.2:private-other', 'private-room'],
    ['1.2', ''],
    ['1.2', 'private-room:{}'],
    ['1.2', 'private-日本'],
    ['1.2', 'private-encrypted-room'],
    ['1.2', 'x'.repeat(201)],
  ])('is nothing for socket %j and channel %j', (socketId, channel) => {
    expect(() => signing.authorize(socketId, channel)).toThrow(expect.objectContaining({ code: 'RC_NOT_ALLOWED' }))
  })

  describe('as a webhook', () => {
    const added = { name: 'member_added', channel: 'presence-room', user_id: 'u1' }
    const signed = (rawBody: string): Record<string, string> => ({
      'content-type': 'application/json',
      'x-pusher-key': fake.settings.key,
      'x-pusher-signature': createHmac('sha256', fake.settings.secret).update(rawBody).digest('hex'),
    })
    const body = JSON.stringify({ time_ms: 1, events: [added] })

    test('is understood as it is sent', async () => {
      const server = createServer(async (request, response) => {
        const events = signing.webhook(request.headers as Record<string, string>, await text(request))
        response.end(JSON.stringify(events))
      })
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const answer = await (await fake.sendWebhook(url, [added])).json()
      server.closeAllConnections()
      server.close()
      expect(answer).toEqual([added])
    })

    test('leaves out what is not about a channel', () => {
      const events = [added, null, 5, { name: 'online', user_ids: ['u1'] }, { channel: 'room' }]
      const mixed = JSON.stringify({ time_ms: 1, events })
      expect(signing.webhook(signed(mixed), mixed)).toEqual([added])
    })

    test.each([
      ['another content type', { 'content-type': 'text/plain' }],
      ['no content type', { 'content-type': undefined }],
      ['another key', { 'x-pusher-key': 'another' }],
      ['no key', { 'x-pusher-key': undefined }],
      ['no signature', { 'x-pusher-signature': undefined }],
      ['an empty signature', { 'x-pusher-signature': '' }],
      ['another signature', { 'x-pusher-signature': 'f'.repeat(64) }],
      ['a signature of other characters', { 'x-pusher-signature': '日'.repeat(64) }],
    ])('is none with %s', (_, headers) => {
      expect(signing.webhook({ ...signed(body), ...headers }, body)).toBeNull()
    })

    test('is none with another body than the one signed', () => {
      expect(signing.webhook(signed(body), body.replace('u1', 'u2'))).toBeNull()
    })

    test.each([
      '',
      '{',
      'null',
      '5',
      '[]',
      '"x"',
      '{}',
      '{"events":null}',
      '{"events":{"length":1}}',
    ])('is none as %s, though it is signed', given => {
      expect(signing.webhook(signed(given), given)).toBeNull()
    })
  })
})

describe('the Pusher of ours', () => {
  let fake: FakePusher

  beforeEach(async () => {
    fake = await startFakePusher()
  })
  afterEach(() => fake.close())

  const aBatch = (...events: Partial<Record<'channel' | 'name' | 'data', string>>[]): string =>
    JSON.stringify({ batch: events.map(each => ({ channel: 'room', name: 'x', data: '{}', ...each })) })

  /** Signed as it has to be, but for `instead`. */
  const post = async (path: string, body: string, instead: Record<string, string> = {}): Promise<number> => {
    const { appId, key, secret } = fake.settings
    const params: Record<string, string> = {
      auth_key: key,
      auth_timestamp: `${Math.floor(Date.now() / 1_000)}`,
      auth_version: '1.0',
      body_md5: createHash('md5').update(body).digest('hex'),
      ...instead,
    }
    const query = Object.entries(params).map(pair => pair.join('='))
    const signed = `POST\n/apps/${appId}${path}\n${query.join('&')}`
    const auth_signature = createHmac('sha256', secret).update(signed).digest('hex')
    const url = new URL(`http://${fake.host}:${fake.port}/apps/${appId}${path}`)
    url.search = `${new URLSearchParams({ ...params, auth_signature, ...instead })}`
    return (await fetch(url, { method: 'POST', body })).status
  }
  const secondsFromNow = (seconds: number): string => `${Math.floor(Date.now() / 1_000) + seconds}`

  test('takes events that are signed, in batches and alone', async () => {
    const one = JSON.stringify({ channels: ['room', 'other'], name: 'x', data: '{"n":1}' })
    expect([await post('/batch_events', aBatch({}, {})), await post('/events', one)]).toEqual([200, 200])
    const data = { n: 1 }
    expect(fake.events.slice(2)).toEqual(['room', 'other'].map(channel => ({ channel, name: 'x', data })))
    expect(fake.events).toHaveLength(4)
  })

  test.each([
    ['another key', { auth_key: 'another' }],
    ['another signature', { auth_signature: 'f'.repeat(64) }],
    ['the digest of another body', { body_md5: 'f'.repeat(32) }],
    ['a time long ago', { auth_timestamp: secondsFromNow(-700) }],
    ['a time to come', { auth_timestamp: secondsFromNow(700) }],
    ['no time', { auth_timestamp: '' }],
  ])('takes none with %s', async (_, instead) => {
    expect(await post('/batch_events', aBatch({}), instead)).toBe(401)
    expect(fake.events).toEqual([])
  })

  test.each([
    ['more than ten events', aBatch(...Array.from({ length: 11 }, () => ({}))), 400],
    ['data over 10,240 bytes', aBatch({}, { data: `"${'é'.repeat(5_120)}"` }), 413],
    ['a channel of other characters', aBatch({}, { channel: 'room:1' }), 400],
    ['a channel of 165 characters', aBatch({}, { channel: 'x'.repeat(165) }), 400],
    ['an event of 201 characters', aBatch({}, { name: 'x'.repeat(201) }), 400],
    ['no JSON', 'batch', 400],
  ])('takes nothing of a batch with %s', async (_, body, status) => {
    expect(await post('/batch_events', body)).toBe(status)
    expect(fake.events).toEqual([])
  })

  test('answers pings, and turns other applications and protocols away', async () => {
    const { key } = fake.settings
    const said = async (path: string): Promise<unknown[]> => {
      const socket = new WebSocket(`ws://${fake.host}:${fake.port}${path}`)
      const messages: unknown[] = []
      socket.addEventListener('open', () => socket.send('{"event":"pusher:ping","data":{}}'))
      socket.addEventListener('message', ({ data }) => {
        if (messages.push(JSON.parse(data).event) === 2) socket.close(1000)
      })
      const [{ code }] = await once(socket, 'close')
      return [...messages, code]
    }
    expect(await said(`/app/${key}?protocol=7`)).toEqual(['pusher:connection_established', 'pusher:pong', 1000])
    expect(await said('/app/another?protocol=7')).toEqual(['pusher:error', 4001])
    expect(await said(`/app/${key}?protocol=5`)).toEqual(['pusher:error', 4007])
  })
})

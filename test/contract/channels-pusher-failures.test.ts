import { once } from 'node:events'
import { type AddressInfo, createServer as listener, type Server } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { ErrorCode, RollcallError } from '../../src/errors.ts'
import type { Channels } from '../../src/notify/index.ts'
import { openPusher, type PusherSettings } from '../../src/notify/pusher.ts'
import { type FakePusher, type Hang, startFakePusher } from '../support/fake-pusher.ts'
import { errorOf, event, events, openPusherChannels, outcome, type PusherChannels } from '../support/pusher-channels.ts'
import { ManualTime, toldFaults } from '../support/time.ts'

describe('the channels through Pusher', () => {
  let opened: PusherChannels
  let fake: FakePusher
  let channels: Channels

  beforeEach(async () => {
    opened = await openPusherChannels()
    fake = opened.fake
    channels = opened.channels
  })
  afterEach(() => opened.close())

  test('may be taken later where the secret is wrong, which an operator can mend', async () => {
    const others = await opened.open({ secret: 'another' })
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
    const later = await startFakePusher(fake.settings)
    onTestFinished(later.close)
    expect(await channels.send(event(2))).toBe('sent')
  })

  test('find nobody where the connection is closed without an answer', async () => {
    fake.fail(() => 0)
    expect(await outcome(channels.send(event(1)))).toBe('RC_SERVICE_UNREACHABLE')
  })

  test.each<Hang>(['answer', 'body'])('wait five seconds for the %s that does not come', async where => {
    const time = new ManualTime()
    const others = await openPusher({ ...fake.settings, time, faults: toldFaults() })
    onTestFinished(others.close)
    fake.hang(where)
    const code = outcome(others.send(event(1)))
    await opened.until(() => fake.requests.length === 1)
    await time.advance(4_999)
    const turns = (async () => {
      for (let turn = 0; turn < 50; turn++) await setImmediate()
      return 'still waiting'
    })()
    expect(await Promise.race([code, turns])).toBe('still waiting')
    await time.advance(1)
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
      const others = await opened.open(settings)
      const said = everythingOf(await errorOf(others.send(event(1))))
      await others.close()
      const { appId, key, secret } = { ...fake.settings, ...settings }
      for (const hidden of [appId, key, secret]) expect(said).not.toContain(hidden)
      expect(said).not.toMatch(/[0-9a-f]{64}/)
    })

    test('without what is left of a secret when a shorter one is taken out', async () => {
      const other = await startFakePusher({ appId: '19', key: 'a19b', secret: 'c19d' })
      other.fail(() => 422)
      const others = await openPusher({ ...other.settings, faults: toldFaults() })
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
      const others = await opened.open({ port: (server.address() as AddressInfo).port, timeoutMs: 100 })
      expect(await outcome(others.send(event(1)))).toBe('RC_SERVICE_UNREACHABLE')
      if (afterClosing) await others.close()
      await letGo
      await others.close()
    })
  })
})

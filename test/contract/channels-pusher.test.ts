import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isCode } from '../../src/errors.ts'
import type { ChannelEvent, Channels } from '../../src/notify/index.ts'
import { openPusher, type PusherSettings } from '../../src/notify/pusher.ts'
import { type FakePusher, startFakePusher } from '../support/fake-pusher.ts'
import { errorOf, event, events, openPusherChannels, outcome, type PusherChannels } from '../support/pusher-channels.ts'
import { Client, optionsFor } from '../support/pusher-client.ts'
import { seeded } from '../support/random.ts'
import { toldFaults } from '../support/time.ts'
import { channelsContract, type OpenedChannels } from './channels.ts'

async function openHeard(settings: PusherSettings, client: () => Client): Promise<OpenedChannels> {
  const channels = await openPusher({ ...settings, faults: toldFaults() })
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
  let opened: PusherChannels
  let fake: FakePusher
  let channels: Channels

  beforeEach(async () => {
    opened = await openPusherChannels()
    fake = opened.fake
    channels = opened.channels
  })
  afterEach(() => opened.close())

  describe('in batches', () => {
    const sizes = (): number[] => fake.requests.map(request => request.events.length)

    test('join calls of one turn, ten at most', async () => {
      await opened.outcomes(events(25))
      expect(sizes()).toEqual([10, 10, 5])
    })

    test('join calls that are a few promises apart', async () => {
      await Promise.all([channels.send(event(1)), Promise.resolve().then(() => channels.send(event(2)))])
      expect(sizes()).toEqual([2])
    })

    test('keep the order of the calls within', async () => {
      await opened.outcomes(events(10))
      expect(fake.events).toEqual(events(10))
    })

    test('put as many into one as 10 kB hold', async () => {
      await opened.outcomes(Array.from({ length: 8 }, (_, n) => event(n, { text: 'x'.repeat(3_000) })))
      expect(sizes()).toEqual([3, 3, 2])
    })

    test('of several events are never over 10 kB, whatever is in them', async () => {
      const random = seeded('sizes of events')
      const text = () => random.pick(['x', '"', '\\', 'é', '日', '\n']).repeat(random.int(0, 1_500))
      await opened.outcomes(Array.from({ length: 300 }, (_, n) => event(n, { text: text() })))
      const over = fake.requests.filter(({ bytes, events }) => bytes > 10_240 && events.length > 1)
      expect([over, fake.events.length]).toEqual([[], 300])
    })

    test('do not wait for one another', async () => {
      fake.hang()
      const waiting = outcome(channels.send(event(1)))
      await opened.until(() => fake.requests.length === 1)
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
      expect(await opened.outcomes(events(400))).toEqual(events(400).map(() => 'sent'))
      expect(most).toBe(16)
    })
  })

  describe('refuse what will never be taken', () => {
    test('by size, without asking and without harm to others', async () => {
      const sized = (bytes: number) => event(1, { text: 'x'.repeat(bytes - '{"n":1,"text":""}'.length) })
      const given = [event(0), sized(10_240), sized(10_241), event(3)]
      expect(await opened.outcomes(given)).toEqual(['sent', 'sent', 'RC_SERVICE_REFUSED', 'sent'])
      expect(fake.requests.flatMap(request => request.events)).not.toContainEqual(given[2])
    })

    test('because it is not JSON, without asking and without harm to others', async () => {
      const cycle: Record<string, unknown> = {}
      cycle.itself = cycle
      expect(await opened.outcomes([event(1), event(2, { cycle }), event(3, { big: 1n })])).toEqual([
        'sent',
        'RC_SERVICE_REFUSED',
        'RC_SERVICE_REFUSED',
      ])
    })

    test('because nothing can be encrypted, without harm to others', async () => {
      const given = [event(1), event(2, {}, 'private-encrypted-room')]
      expect(await opened.outcomes(given)).toEqual(['sent', 'RC_SERVICE_REFUSED'])
    })

    test('alone of its batch', async () => {
      const given = [...events(4), event(4, {}, 'no such channel'), event(5)]
      expect(await opened.outcomes(given)).toEqual(['sent', 'sent', 'sent', 'sent', 'RC_SERVICE_REFUSED', 'sent'])
      expect(fake.events).toEqual([...events(4), event(5)])
    })

    test('alone of its batch, also as too large', async () => {
      fake.fail(given => (given.some(({ name }) => name === 'event-1') ? 413 : 200))
      expect(await opened.outcomes(events(3))).toEqual(['sent', 'RC_SERVICE_REFUSED', 'sent'])
    })
  })

  test('take no event once they are closed', async () => {
    await channels.close()
    expect(isCode(await errorOf(channels.send(event(1))), 'RC_CLOSING')).toBe(true)
  })

  test('wait at the end for what is in flight, whatever comes of it', async () => {
    fake.hang()
    const codes = opened.outcomes(events(2))
    await opened.until(() => fake.requests.length === 1)
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
      const channels = await openPusher({ ...${settings}, faults: { report() {} } })
      await channels.send({ channel: 'room', name: 'event', data: {} })
      channels.gauge({ channel: 'room', name: 'gauge', data: {} })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'inherit' })
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(fake.events.map(({ name }) => name)).toEqual(['event'])
  })
})

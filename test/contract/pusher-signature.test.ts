import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openPusher } from '../../src/notify/pusher.ts'
import { type Member, type Signer, signer } from '../../src/notify/pusher-signature.ts'
import { type FakePusher, startFakePusher } from '../support/fake-pusher.ts'
import { Client, optionsFor } from '../support/pusher-client.ts'
import { toldFaults } from '../support/time.ts'
import { POLL } from './channels.ts'

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
    const channels = await openPusher({ ...fake.settings, faults: toldFaults() })
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

    test.each([
      'application/json; charset=utf-8',
      'application/json;charset=UTF-8',
      'Application/JSON',
      'application/json ; x=1',
    ])('is understood as %s, which is what a gateway made of its type', type => {
      expect(signing.webhook({ ...signed(body), 'content-type': type }, body)).toEqual([added])
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

import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FakePusher, startFakePusher } from './support/fake-pusher.ts'

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
